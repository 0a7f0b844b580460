/* camswarm-c: what a camera's own program does with the node, from the command line.
 *
 *   camswarm-c SOCKET status              what runs, what comes next and how far it is
 *   camswarm-c SOCKET events [KINDS [ID]] one line of JSON for each event, of these kinds
 *                                         (consent,alarm), after the one with that id
 *   camswarm-c SOCKET busy SECONDS        keep the line free for live video
 *   camswarm-c SOCKET consent ANSWER [S]  now, later or never, to the release that waits
 */
#include "camswarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clean makes a text of the node fit for a terminal, in place. */
static char *clean(char *text)
{
	unsigned char *s;
	for (s = (unsigned char *)text; *s != '\0'; s++)
		if (*s < ' ' || *s == 0x7f || (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0)) {
			if (*s == 0xc2)
				*s++ = '?';
			*s = '?';
		}
	return text;
}

/* number reads a whole number and nothing else; 0 if it is one. */
static int number(const char *text, long *out)
{
	char *end;
	errno = 0;
	*out = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0')
		return 0;
	fprintf(stderr, "\"%s\" is no number of seconds\n", text);
	return -1;
}

static int fail(int err, const char *reply)
{
	char text[512];
	if (reply != NULL && camswarm_json_text(reply, "error", text, sizeof text) == 0)
		fprintf(stderr, "refused (%d): %s\n", err, clean(text));
	else if (err == CAMSWARM_ESYSTEM)
		fprintf(stderr, "camswarmd does not answer there: %s\n", strerror(errno));
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
			printf("product %s\n", clean(text));
		printf("peers %lld\n", camswarm_json_int(s, "peers", 0));
		printf("runs %lld\n", camswarm_json_int(s, "products[0].installed.sequence", 0));
		if (camswarm_json_find(s, "products[0].target") != NULL) {
			printf("next %lld", camswarm_json_int(s, "products[0].target.sequence", 0));
			if (camswarm_json_text(s, "products[0].target.reason", text, sizeof text) == 0)
				printf(": %s", clean(text));
			if (camswarm_json_text(s, "products[0].target.consent.state", text, sizeof text) == 0)
				printf(", consent %s", clean(text));
			printf("\nfetched %lld of %lld bytes\n", camswarm_json_int(s, "products[0].target.progress.bytes", 0),
			       camswarm_json_int(s, "products[0].target.progress.totalBytes", 0));
		}
		if (camswarm_json_text(s, "polite.serves", text, sizeof text) == 0)
			printf("serves %s\n", clean(text));
	}
	err = err == CAMSWARM_OK ? 0 : fail(err, s);
	camswarm_free(s);
	return err;
}

static int post(const char *path, const char *route, const char *body)
{
	char *reply;
	int err = camswarm_request(path, "POST", route, body, 10, &reply);
	if (err == CAMSWARM_OK) {
		reply[strcspn(reply, "\n")] = '\0';
		printf("%s\n", clean(reply));
	}
	err = err == CAMSWARM_OK ? 0 : fail(err, reply);
	camswarm_free(reply);
	return err;
}

static int consent(const char *path, const char *answer, long seconds)
{
	char body[256], product[80], *s;
	long long sequence;
	int err;
	if (strcmp(answer, "now") != 0 && strcmp(answer, "later") != 0 && strcmp(answer, "never") != 0) {
		fprintf(stderr, "the answer is now, later or never\n");
		return 64;
	}
	err = camswarm_request(path, "GET", "/v1/status", NULL, 10, &s);
	if (err != CAMSWARM_OK) {
		err = fail(err, s);
		camswarm_free(s);
		return err;
	}
	if (camswarm_json_text(s, "products[0].id", product, sizeof product) != 0 || product[0] == '\0' ||
	    strspn(product, "0123456789abcdef") != strlen(product)) {
		fprintf(stderr, "camswarmd: the status names no product\n");
		camswarm_free(s);
		return 1;
	}
	sequence = camswarm_json_int(s, "products[0].target.sequence", 0);
	camswarm_free(s);
	if (sequence == 0) {
		fprintf(stderr, "no release waits for an answer\n");
		return 1;
	}
	snprintf(body, sizeof body, "{\"product\":\"%s\",\"sequence\":%lld,\"answer\":\"%s\",\"seconds\":%ld}", product, sequence, answer,
	         seconds);
	return post(path, "/v1/consent", body);
}

static int show(void *context, const char *id, const char *json)
{
	char line[CAMSWARM_MAX_EVENT + 128];
	(void)context;
	snprintf(line, sizeof line, "%s %s", id, json);
	printf("%s\n", clean(line));
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	char body[128];
	long seconds = 0;
	if (argc == 3 && strcmp(argv[2], "status") == 0)
		return status(argv[1]);
	if (argc >= 3 && argc <= 5 && strcmp(argv[2], "events") == 0) {
		char *refusal;
		int err = camswarm_events(argv[1], argc > 4 ? argv[4] : NULL, argc > 3 && argv[3][0] != '\0' ? argv[3] : NULL, 90,
		                          show, NULL, &refusal);
		err = fail(err, refusal);
		camswarm_free(refusal);
		return err;
	}
	if (argc == 4 && strcmp(argv[2], "busy") == 0) {
		if (number(argv[3], &seconds) != 0)
			return 64;
		snprintf(body, sizeof body, "{\"seconds\":%ld,\"holder\":\"camswarm-c\"}", seconds);
		return post(argv[1], "/v1/busy", body);
	}
	if ((argc == 4 || argc == 5) && strcmp(argv[2], "consent") == 0) {
		if (argc == 5 && number(argv[4], &seconds) != 0)
			return 64;
		return consent(argv[1], argv[3], seconds);
	}
	fprintf(stderr, "usage: %s SOCKET status | events [KINDS [ID]] | busy SECONDS | consent now|later|never [SECONDS]\n", argv[0]);
	return 64;
}
