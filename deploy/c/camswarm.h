/* A client of camswarmd's control socket for firmware in C: C99 and POSIX sockets,
 * one source file, no other library. Nothing is kept between calls, nothing is
 * allocated but what camswarm_free frees, and every answer is bounded.
 *
 * GET /v1/openapi.json on the socket describes paths, bodies and replies. */
#ifndef CAMSWARM_H
#define CAMSWARM_H

#include <stddef.h>

#define CAMSWARM_MAX_REPLY (1 << 20) /* bytes of a reply that are read */
#define CAMSWARM_MAX_EVENT 8192      /* bytes of one event */
#define CAMSWARM_MAX_DEPTH 32        /* of nested JSON */

/* Errors, besides HTTP status codes from 400 on. */
enum {
	CAMSWARM_OK = 0,
	CAMSWARM_ESYSTEM = -1,  /* errno says why: nobody listens, time-out, ... */
	CAMSWARM_EREPLY = -2,   /* the reply is not HTTP, not JSON, or too long */
	CAMSWARM_ESTOPPED = -3, /* the caller's function ended the stream */
	CAMSWARM_EENDED = -4    /* the node ended the stream */
};

/* camswarm_request makes one request: method "GET" or "POST", path with its query,
 * body in JSON or NULL, timeout in seconds for each wait (0: none). *reply is the
 * reply's body, ended by a NUL, to be given to camswarm_free; NULL after a negative
 * result. Returns CAMSWARM_OK for status 200, else the status or a negative error. */
int camswarm_request(const char *socket_path, const char *method, const char *path, const char *body,
                     int timeout, char **reply);
void camswarm_free(char *reply);

/* camswarm_events calls on_event with the JSON of each event, and the id by which
 * a later call resumes (after; NULL: from now on), until it returns other than 0.
 * kinds are the events' kinds with commas between, such as "consent,alarm"; NULL: all.
 * timeout is for each wait, in seconds (0: none); the node gives a sign of life every
 * 60, so that with 90 a node that is gone ends in CAMSWARM_ESYSTEM. A status from 400
 * on is returned with the reply's body in *refusal, to be given to camswarm_free; it
 * is NULL otherwise. */
typedef int (*camswarm_event_fn)(void *context, const char *id, const char *json);
int camswarm_events(const char *socket_path, const char *after, const char *kinds, int timeout,
                    camswarm_event_fn on_event, void *context, char **refusal);

/* camswarm_json_valid tells whether a text is one JSON value and nothing else. */
int camswarm_json_valid(const char *json, size_t size);

/* camswarm_json_find returns where the value at a path such as
 * "products[0].target.progress.bytes" begins in a valid JSON text, NULL if there is
 * none. */
const char *camswarm_json_find(const char *json, const char *path);

/* camswarm_json_text copies the text at a path, with its escapes resolved; returns 0,
 * or -1 if there is no text there or it does not fit into size bytes with its NUL. */
int camswarm_json_text(const char *json, const char *path, char *out, size_t size);

/* camswarm_json_int reads the whole number at a path; fallback if there is none. */
long long camswarm_json_int(const char *json, const char *path, long long fallback);

#endif
