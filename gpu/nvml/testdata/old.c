// A driver's library as an old one may be: it has few functions. It gives one
// GPU, or as many as COUNT says, or fails to begin with the code BEGIN.
#include <stdio.h>
#include <stdlib.h>

typedef struct { unsigned long long total, free, used; } memory;

static int number(const char *name, int otherwise) {
    const char *s = getenv(name);
    return s ? atoi(s) : otherwise;
}

int nvmlInit_v2(void) { return number("BEGIN", 0); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Lost"; }
int nvmlSystemGetDriverVersion(char *s, unsigned n) { snprintf(s, n, "390.157"); return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = number("COUNT", 1); return 0; }
int nvmlDeviceGetHandleByIndex(unsigned i, void **device) { *device = (void *)1; return i == 0 ? 0 : 15; }
int nvmlDeviceGetName(void *device, char *s, unsigned n) { snprintf(s, n, "Tesla K80"); return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory *m) { m->total = 12000; m->free = 11000; m->used = 1000; return 0; }
