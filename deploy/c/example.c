/* camswarm-c: what a camera's own program does with the node, from the command line.
 *
 *   camswarm-c SOCKET status              what runs, what comes next and how far it is
 *   camswarm-c SOCKET events [AFTER]      one line of JSON for each event
 *   camswarm-c SOCKET busy SECONDS        keep the line free for live video
 *   camswarm-c SOCKET consent ANSWER [S]  now, later or never, to the release that waits
 */
#include "camswarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(int err, const char *reply)
{
	char text[512];
	if (reply != NULL && camswarm_json_text(reply, "error", text, sizeof text) == 0)
		fprintf(stderr, "refused (%d): %s\n", err, text);
	else if (err == CAMSWARM_ESYSTEM)
		perror("camswarmd");
	else
		fprintf(stderr, "camswarmd: error %d\n", err);
	return 1;
}

static int status(const char *path)
{
	char text[256], *s;
	int err = camswarm_request(path, "GET", "/v1/status", NULL, 10, &s);
	if (err == CAMSWARM_OK) {
		if (camswarm_json_text(s, "products[0].name", text, sizeof text) == 0)
			printf("product %s\n", text);
		printf("peers %lld\n", camswarm_json_int(s, "peers", 0));
		printf("runs %lld\n", camswarm_json_int(s, "products[0].installed.sequence", 0));
		if (camswarm_json_find(s, "products[0].target") != NULL) {
			printf("next %lld", camswarm_json_int(s, "products[0].target.sequence", 0));
			if (camswarm_json_text(s, "products[0].target.reason", text, sizeof text) == 0)
				printf(": %s", text);
			if (camswarm_json_text(s, "products[0].target.consent.state", text, sizeof text) == 0)
				printf(", consent %s", text);
			printf("\nfetched %lld of %lld bytes\n", camswarm_json_int(s, "products[0].target.progress.bytes", 0),
			       camswarm_json_int(s, "products[0].target.progress.totalBytes", 0));
		}
		if (camswarm_json_text(s, "polite.serves", text, sizeof text) == 0)
			printf("serves %s\n", text);
	}
	err = err == CAMSWARM_OK ? 0 : fail(err, s);
	camswarm_free(s);
	return err;
}

static int post(const char *path, const char *route, const char *body)
{
	char *reply;
	int err = camswarm_request(path, "POST", route, body, 10, &reply);
	if (err == CAMSWARM_OK)
		printf("%s", reply);
	err = err == CAMSWARM_OK ? 0 : fail(err, reply);
	camswarm_free(reply);
	return err;
}

static int consent(const char *path, const char *answer, long seconds)
{
	char body[256], product[80], *s;
	int err = camswarm_request(path, "GET", "/v1/status", NULL, 10, &s);
	if (err != CAMSWARM_OK || camswarm_json_text(s, "products[0].id", product, sizeof product) != 0) {
		err = fail(err, s);
		camswarm_free(s);
		return err;
	}
	snprintf(body, sizeof body, "{\"product\":\"%s\",\"sequence\":%lld,\"answer\":\"%.16s\",\"seconds\":%ld}", product,
	         camswarm_json_int(s, "products[0].target.sequence", 0), answer, seconds);
	camswarm_free(s);
	return post(path, "/v1/consent", body);
}

static int show(void *context, const char *id, const char *json)
{
	(void)context;
	printf("%s %s\n", id, json);
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	char body[128];
	if (argc == 3 && strcmp(argv[2], "status") == 0)
		return status(argv[1]);
	if (argc >= 3 && strcmp(argv[2], "events") == 0)
		return fail(camswarm_events(argv[1], argc > 3 ? argv[3] : NULL, show, NULL), NULL);
	if (argc == 4 && strcmp(argv[2], "busy") == 0) {
		snprintf(body, sizeof body, "{\"seconds\":%ld,\"holder\":\"camswarm-c\"}", strtol(argv[3], NULL, 10));
		return post(argv[1], "/v1/busy", body);
	}
	if (argc >= 4 && strcmp(argv[2], "consent") == 0)
		return consent(argv[1], argv[3], argc > 4 ? strtol(argv[4], NULL, 10) : 0);
	fprintf(stderr, "usage: %s SOCKET status | events [AFTER] | busy SECONDS | consent now|later|never [SECONDS]\n", argv[0]);
	return 64;
}
