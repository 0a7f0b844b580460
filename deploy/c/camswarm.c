#define _POSIX_C_SOURCE 200809L
#include "camswarm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- JSON: a strict reader over a text that ends with a NUL ---- */

static const char *skip_blank(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

static int hex4(const char *p, unsigned *out)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned d;
		if (c >= '0' && c <= '9')
			d = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			d = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			d = (unsigned)(c - 'A') + 10;
		else
			return 0;
		v = v << 4 | d;
	}
	*out = v;
	return 1;
}

/* put appends a code point in UTF-8 if out is not NULL; 0 if it does not fit. */
static int put(unsigned c, char **out, const char *end)
{
	char b[4];
	size_t n;
	if (c < 0x80) {
		b[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		b[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		b[1] = (char)(0x80 | (c >> 6 & 0x3f));
		b[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		b[1] = (char)(0x80 | (c >> 12 & 0x3f));
		b[2] = (char)(0x80 | (c >> 6 & 0x3f));
		b[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	if (*out == NULL)
		return 1;
	if ((size_t)(end - *out) < n)
		return 0;
	memcpy(*out, b, n);
	*out += n;
	return 1;
}

/* text reads the string that begins at p, into out unless that is NULL. Returns what
 * follows it, or NULL. */
static const char *text(const char *p, char *out, const char *end)
{
	if (*p++ != '"')
		return NULL;
	for (;;) {
		unsigned c = (unsigned char)*p;
		if (c == '"')
			break;
		if (c < 0x20) /* the final NUL too */
			return NULL;
		if (c != '\\') {
			if (out != NULL) {
				if (out >= end)
					return NULL;
				*out++ = *p;
			}
			p++;
			continue;
		}
		p++;
		switch (*p++) {
		case '"': c = '"'; break;
		case '\\': c = '\\'; break;
		case '/': c = '/'; break;
		case 'b': c = '\b'; break;
		case 'f': c = '\f'; break;
		case 'n': c = '\n'; break;
		case 'r': c = '\r'; break;
		case 't': c = '\t'; break;
		case 'u': {
			unsigned low;
			if (!hex4(p, &c))
				return NULL;
			p += 4;
			if (c >= 0xd800 && c < 0xdc00) {
				if (p[0] != '\\' || p[1] != 'u' || !hex4(p + 2, &low) || low < 0xdc00 || low > 0xdfff)
					return NULL;
				p += 6;
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			} else if (c == 0 || (c >= 0xdc00 && c <= 0xdfff)) {
				return NULL; /* a C string cannot hold it; a half of a pair */
			}
			break;
		}
		default:
			return NULL;
		}
		if (!put(c, &out, end))
			return NULL;
	}
	if (out != NULL) {
		if (out >= end)
			return NULL;
		*out = '\0';
	}
	return p + 1;
}

static const char *digits(const char *p)
{
	if (*p < '0' || *p > '9')
		return NULL;
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

static const char *number(const char *p)
{
	if (*p == '-')
		p++;
	if (*p == '0')
		p++;
	else if ((p = digits(p)) == NULL)
		return NULL;
	if (*p == '.' && (p = digits(p + 1)) == NULL)
		return NULL;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		p = digits(p);
	}
	return p;
}

/* value returns what follows the value that begins at p, or NULL. */
static const char *value(const char *p, int depth)
{
	char close;
	if (depth > CAMSWARM_MAX_DEPTH)
		return NULL;
	switch (*p) {
	case '"':
		return text(p, NULL, NULL);
	case 't':
		return strncmp(p, "true", 4) == 0 ? p + 4 : NULL;
	case 'f':
		return strncmp(p, "false", 5) == 0 ? p + 5 : NULL;
	case 'n':
		return strncmp(p, "null", 4) == 0 ? p + 4 : NULL;
	case '{':
	case '[':
		break;
	default:
		return number(p);
	}
	close = *p == '{' ? '}' : ']';
	p = skip_blank(p + 1);
	if (*p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			if ((p = text(p, NULL, NULL)) == NULL)
				return NULL;
			p = skip_blank(p);
			if (*p++ != ':')
				return NULL;
			p = skip_blank(p);
		}
		if ((p = value(p, depth + 1)) == NULL)
			return NULL;
		p = skip_blank(p);
		if (*p == close)
			return p + 1;
		if (*p++ != ',')
			return NULL;
		p = skip_blank(p);
	}
}

int camswarm_json_valid(const char *json, size_t size)
{
	const char *p;
	if (json[size] != '\0' || strlen(json) != size)
		return 0;
	p = value(skip_blank(json), 0);
	return p != NULL && *skip_blank(p) == '\0';
}

const char *camswarm_json_find(const char *json, const char *path)
{
	const char *p = skip_blank(json);
	while (*path != '\0') {
		if (*path == '[') {
			char *rest;
			unsigned long index = strtoul(path + 1, &rest, 10);
			if (rest == path + 1 || *rest != ']' || *p != '[')
				return NULL;
			path = rest + 1;
			p = skip_blank(p + 1);
			if (*p == ']')
				return NULL;
			while (index-- > 0) {
				if ((p = value(p, 1)) == NULL)
					return NULL;
				p = skip_blank(p);
				if (*p++ != ',')
					return NULL;
				p = skip_blank(p);
			}
		} else {
			size_t n = strcspn(path, ".[");
			const char *key = path;
			if (n == 0 || *p != '{')
				return NULL;
			path += n;
			p = skip_blank(p + 1);
			for (;;) {
				const char *name = p;
				if ((p = text(p, NULL, NULL)) == NULL)
					return NULL;
				int same = (size_t)(p - name) == n + 2 && strncmp(name + 1, key, n) == 0;
				p = skip_blank(p);
				if (*p++ != ':')
					return NULL;
				p = skip_blank(p);
				if (same)
					break;
				if ((p = value(p, 1)) == NULL)
					return NULL;
				p = skip_blank(p);
				if (*p++ != ',')
					return NULL;
				p = skip_blank(p);
			}
		}
		if (*path == '.')
			path++;
	}
	return p;
}

int camswarm_json_text(const char *json, const char *path, char *out, size_t size)
{
	const char *p = camswarm_json_find(json, path);
	if (p == NULL || size == 0 || text(p, out, out + size) == NULL)
		return -1;
	return 0;
}

long long camswarm_json_int(const char *json, const char *path, long long fallback)
{
	const char *p = camswarm_json_find(json, path);
	char *end;
	long long v;
	if (p == NULL || (*p != '-' && (*p < '0' || *p > '9')))
		return fallback;
	errno = 0;
	v = strtoll(p, &end, 10);
	if (errno != 0 || *end == '.' || *end == 'e' || *end == 'E')
		return fallback;
	return v;
}

/* ---- HTTP/1.1 ---- */

struct conn {
	int fd;
	char buf[4096];
	size_t from, to;
	/* of the body: what is left of it or of its chunk, -1 for until the end */
	int chunked, last;
	long long left;
};

static int fill(struct conn *c)
{
	ssize_t n;
	do
		n = read(c->fd, c->buf, sizeof c->buf);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return CAMSWARM_ESYSTEM;
	c->from = 0;
	c->to = (size_t)n;
	return n == 0 ? CAMSWARM_EENDED : 0;
}

static int get(struct conn *c, char *out)
{
	if (c->from == c->to) {
		int err = fill(c);
		if (err != 0)
			return err;
	}
	*out = c->buf[c->from++];
	return 0;
}

/* line reads up to a line's end, without CR and LF. */
static int line(struct conn *c, char *out, size_t size)
{
	size_t n = 0;
	for (;;) {
		char b;
		int err = get(c, &b);
		if (err != 0)
			return err;
		if (b == '\n')
			break;
		if (b == '\0' || n + 1 >= size)
			return CAMSWARM_EREPLY;
		out[n++] = b;
	}
	if (n > 0 && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return 0;
}

static int send_all(int fd, const char *b, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, b, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return CAMSWARM_ESYSTEM;
		b += k;
		n -= (size_t)k;
	}
	return 0;
}

static int is_clean(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return 0;
	return 1;
}

/* begin sends a request and reads the head of the reply; returns its status. */
static int begin(struct conn *c, const char *socket_path, const char *method, const char *path, const char *body,
                 const char *after, int timeout)
{
	struct sockaddr_un addr;
	struct timeval wait;
	char head[1024];
	int n, status, err;

	memset(c, 0, sizeof *c);
	memset(&addr, 0, sizeof addr);
	c->fd = -1;
	c->left = -1;
	addr.sun_family = AF_UNIX;
	if (strlen(socket_path) >= sizeof addr.sun_path || !is_clean(path) || !is_clean(method) || (after != NULL && !is_clean(after))) {
		errno = EINVAL;
		return CAMSWARM_ESYSTEM;
	}
	strcpy(addr.sun_path, socket_path);
	n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: camswarmd\r\nConnection: close\r\n%s%s%s%s", method, path,
	             after != NULL ? "Last-Event-ID: " : "", after != NULL ? after : "", after != NULL ? "\r\n" : "",
	             body != NULL ? "Content-Type: application/json\r\n" : "");
	if (n < 0 || (size_t)n + 64 > sizeof head) {
		errno = EINVAL;
		return CAMSWARM_ESYSTEM;
	}
	n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %lu\r\n\r\n", body != NULL ? (unsigned long)strlen(body) : 0UL);
	if ((c->fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		return CAMSWARM_ESYSTEM;
	if (timeout > 0) {
		wait.tv_sec = timeout;
		wait.tv_usec = 0;
		if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
		    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
			return CAMSWARM_ESYSTEM;
	}
	if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) != 0)
		return CAMSWARM_ESYSTEM;
	if ((err = send_all(c->fd, head, (size_t)n)) != 0 || (body != NULL && (err = send_all(c->fd, body, strlen(body))) != 0))
		return err;

	if ((err = line(c, head, sizeof head)) != 0)
		return err;
	if (strncmp(head, "HTTP/1.1 ", 9) != 0 || digits(head + 9) != head + 12)
		return CAMSWARM_EREPLY;
	status = atoi(head + 9);
	if (status < 100 || status > 599)
		return CAMSWARM_EREPLY;
	for (int fields = 0;; fields++) {
		if ((err = line(c, head, sizeof head)) != 0)
			return err;
		if (head[0] == '\0')
			break;
		if (fields > 64)
			return CAMSWARM_EREPLY;
		if (strcmp(head, "Transfer-Encoding: chunked") == 0) {
			c->chunked = 1;
			c->left = 0;
		} else if (strncmp(head, "Content-Length: ", 16) == 0) {
			const char *end = digits(head + 16);
			if (end == NULL || *end != '\0' || end - head > 16 + 9)
				return CAMSWARM_EREPLY;
			c->left = atol(head + 16);
		}
	}
	return status;
}

/* body reads one byte of the body; CAMSWARM_EENDED after the last. */
static int body_byte(struct conn *c, char *out)
{
	int err;
	if (c->chunked && c->left == 0) {
		char size[32];
		char *end;
		if (c->last)
			return CAMSWARM_EENDED;
		if ((err = line(c, size, sizeof size)) != 0)
			return err == CAMSWARM_EENDED ? CAMSWARM_EREPLY : err;
		errno = 0;
		c->left = strtoll(size, &end, 16);
		if (errno != 0 || end == size || *end != '\0' || size[0] == '-' || size[0] == '+' || size[0] == ' ' || c->left > INT_MAX)
			return CAMSWARM_EREPLY;
		if (c->left == 0) {
			c->last = 1;
			return CAMSWARM_EENDED;
		}
	}
	if (c->left == 0)
		return CAMSWARM_EENDED;
	if ((err = get(c, out)) != 0)
		return err == CAMSWARM_EENDED && c->left > 0 ? CAMSWARM_EREPLY : err;
	if (c->left > 0 && --c->left == 0 && c->chunked) {
		char crlf[3];
		if ((err = line(c, crlf, sizeof crlf)) != 0 || crlf[0] != '\0')
			return err != 0 && err != CAMSWARM_EENDED ? err : CAMSWARM_EREPLY;
	}
	return 0;
}

static void finish(struct conn *c)
{
	int saved = errno;
	if (c->fd >= 0)
		close(c->fd);
	errno = saved;
}

static int read_body(struct conn *c, char **reply)
{
	size_t n = 0, room = 4096;
	char *b = malloc(room);
	int err = b == NULL ? CAMSWARM_ESYSTEM : 0;
	while (err == 0) {
		if (n + 1 == room) {
			char *more = room < 2 * (size_t)CAMSWARM_MAX_REPLY ? realloc(b, 2 * room) : NULL;
			if (more == NULL) {
				err = CAMSWARM_EREPLY;
				break;
			}
			b = more;
			room *= 2;
		}
		err = body_byte(c, b + n);
		if (err == 0 && (b[n] == '\0' || ++n > CAMSWARM_MAX_REPLY))
			err = CAMSWARM_EREPLY;
	}
	if (err != CAMSWARM_EENDED) {
		free(b);
		return err;
	}
	b[n] = '\0';
	*reply = b;
	return 0;
}

int camswarm_request(const char *socket_path, const char *method, const char *path, const char *body, int timeout, char **reply)
{
	struct conn c;
	int status, err;
	*reply = NULL;
	status = begin(&c, socket_path, method, path, body, NULL, timeout);
	if (status >= 0 && (err = read_body(&c, reply)) != 0)
		status = err;
	finish(&c);
	if (status >= 0 && !camswarm_json_valid(*reply, strlen(*reply))) {
		camswarm_free(*reply);
		*reply = NULL;
		return CAMSWARM_EREPLY;
	}
	return status == 200 ? CAMSWARM_OK : status == CAMSWARM_EENDED ? CAMSWARM_EREPLY : status;
}

void camswarm_free(char *reply)
{
	free(reply);
}

int camswarm_events(const char *socket_path, const char *after, const char *kinds, int timeout,
                    camswarm_event_fn on_event, void *context, char **refusal)
{
	struct conn c;
	char id[80] = "", got[CAMSWARM_MAX_EVENT], path[256];
	int err;
	*refusal = NULL;
	err = snprintf(path, sizeof path, "/v1/events%s%s", kinds != NULL ? "?kinds=" : "", kinds != NULL ? kinds : "");
	if (err < 0 || (size_t)err >= sizeof path || strcspn(kinds != NULL ? kinds : "", "&#%?+") != strlen(kinds != NULL ? kinds : "")) {
		errno = EINVAL;
		return CAMSWARM_ESYSTEM;
	}
	err = begin(&c, socket_path, "GET", path, NULL, after, timeout);
	if (err == 200) {
		err = 0;
	} else if (err >= 0) {
		int failed = read_body(&c, refusal);
		if (failed == 0 && !camswarm_json_valid(*refusal, strlen(*refusal))) {
			camswarm_free(*refusal);
			*refusal = NULL;
			failed = CAMSWARM_EREPLY;
		}
		if (failed != 0 || err < 400)
			err = failed != 0 ? failed : CAMSWARM_EREPLY;
	}
	while (err == 0) {
		size_t n = 0;
		char b = '\0';
		while ((err = body_byte(&c, &b)) == 0 && b != '\n') {
			if (b == '\0' || n + 1 >= sizeof got) {
				err = CAMSWARM_EREPLY;
				break;
			}
			got[n++] = b;
		}
		if (err != 0)
			break;
		got[n] = '\0';
		if (strncmp(got, "id: ", 4) == 0 && n - 4 < sizeof id) {
			memcpy(id, got + 4, n - 4 + 1);
		} else if (strncmp(got, "data: ", 6) == 0) {
			if (!camswarm_json_valid(got + 6, n - 6))
				err = CAMSWARM_EREPLY;
			else if (on_event(context, id, got + 6) != 0)
				err = CAMSWARM_ESTOPPED;
		}
	}
	finish(&c);
	return err;
}
