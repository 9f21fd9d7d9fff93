/* Predicts whether a customer of a phone company will leave.
 *
 *   serve PORT         answers GET /health and POST /predict
 *   serve PORT check   ends with 0 where such a server answers there
 *
 * The trees are compiled in. A connection is one request, and a thread. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "trees.h"

enum { MOST = 10000 }; /* bytes of a request */

static double predict(const float row[FEATURES]) {
    double total = 0;
    for (int t = 0; t < TREES; t++) {
        int at = roots[t];
        while (feature[at] >= 0) /* float against double, as scikit-learn compares */
            at = row[feature[at]] <= threshold[at] ? left[at] : right[at];
        total += share[at];
    }
    return total / TREES;
}

/* number reads that of a key of a flat JSON object. */
static int number(const char *body, const char *key, float *to) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(body, quoted);
    if (!at)
        return 0;
    at += strlen(quoted);
    at += strspn(at, " \t\r\n");
    if (*at++ != ':')
        return 0;
    at += strspn(at, " \t\r\n");
    if (!strchr("-0123456789", *at) || !*at)
        return 0;
    char *end;
    double x = strtod(at, &end);
    *to = (float)x;
    return end != at && isfinite(x);
}

static void answer(int fd, const char *status, const char *body) {
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     status, strlen(body), body);
    for (int sent = 0; sent < n;) {
        ssize_t k = send(fd, text + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (k <= 0)
            return;
        sent += (int)k;
    }
}

/* body reads a request to its end, and returns where its body begins; NULL
 * where that is not to be had. */
static char *body(int fd, char text[MOST + 1]) {
    size_t n = 0, want = 0;
    char *begin = NULL;
    for (;;) {
        if (begin && n >= want)
            return begin;
        if (n == MOST)
            return NULL;
        ssize_t k = recv(fd, text + n, MOST - n, 0);
        if (k <= 0)
            return NULL;
        n += (size_t)k;
        text[n] = 0;
        if (!begin && (begin = strstr(text, "\r\n\r\n"))) {
            begin += 4;
            const char *length = strcasestr(text, "\r\nContent-Length:");
            long more = length && length < begin ? strtol(length + 17, NULL, 10) : 0;
            if (more < 0 || more > MOST)
                return NULL;
            want = (size_t)(begin - text) + (size_t)more;
        }
    }
}

static void *serve(void *given) {
    int fd = (int)(long)given;
    char text[MOST + 1];
    const char *b = body(fd, text);
    if (!b) {
        answer(fd, "400 Bad Request", "{\"detail\": \"no whole request\"}");
    } else if (!strncmp(text, "GET /health ", 12)) {
        answer(fd, "200 OK", "{\"status\": \"ok\"}");
    } else if (!strncmp(text, "POST /predict ", 14)) {
        float row[FEATURES];
        int found = 0;
        while (found < FEATURES && number(b, names[found], &row[found]))
            found++;
        if (found < FEATURES) {
            answer(fd, "422 Unprocessable Content", "{\"detail\": \"not a customer: a number is missing\"}");
        } else {
            char said[64];
            snprintf(said, sizeof said, "{\"churn\": %.4f}", predict(row));
            answer(fd, "200 OK", said);
        }
    } else {
        answer(fd, "404 Not Found", "{\"detail\": \"there are /health and /predict\"}");
    }
    close(fd);
    return NULL;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: %s PORT [check]\n", argv[0]);
        return 2;
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0)
        return fail("socket");
    if (argc > 2) {
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return connect(fd, (struct sockaddr *)&at, sizeof at) ? fail("connect") : 0;
    }
    signal(SIGTERM, _exit); /* the kernel spares process 1 the default */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 128))
        return fail("listen");
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0) {
            if (errno != EINTR && errno != ECONNABORTED)
                sleep(1); /* as where there are too many connections */
            continue;
        }
        struct timeval patience = {.tv_sec = 5};
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        pthread_t thread;
        if (pthread_create(&thread, &detached, serve, (void *)(long)client))
            close(client);
    }
}
