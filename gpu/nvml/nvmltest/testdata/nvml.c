// A stand-in for NVIDIA's management library, with the functions that mlbench
// calls. The folder MLBENCH_TEST_GPUS holds a file for every GPU, gpu0, gpu1 and
// so on, and for every MIG instance of one, gpu0.7 for the GPU instance 7. Who
// holds a record lock of so many bytes of such a file (fcntl F_SETLK, for
// writing) has so much memory on it. The kernel tells who does in the caller's
// own pid namespace, also of processes in containers, and gives locks back with
// their process.
//
// A file "script" there says, a line each, what else the driver tells or fails
// with; see trouble and the numbers below. It is read anew when it was replaced.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, NOT_LOADED = 9, LOST = 15 };
enum { GPUS = 16, INSTANCES = 15, NONE = -1 };

typedef unsigned long long bytes;
typedef struct { int gpu, instance, fd; } device;
typedef struct { unsigned pid; bytes memory; } info_v1;
typedef struct { unsigned pid; bytes memory; unsigned instance, compute; } info;
typedef struct { bytes total, free, used; } memory_v1;
typedef struct { unsigned version; bytes total, reserved, free, used; } memory_v2;
typedef struct { unsigned gpu, memory; } utilisation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static device devices[GPUS][INSTANCES + 1]; // the last is the GPU as a whole
static char script[4096];
static struct stat script_was;

static void path(char *p, size_t n, const char *name) {
    const char *dir = getenv("MLBENCH_TEST_GPUS");
    snprintf(p, n, "%s/%s", dir ? dir : "/nonexistent", name);
}

// reload reads the script where it is another than before.
static void reload(void) {
    char p[4096];
    struct stat is;
    path(p, sizeof p, "script");
    if (stat(p, &is) != 0 || (is.st_ino == script_was.st_ino && is.st_mtim.tv_nsec == script_was.st_mtim.tv_nsec && is.st_mtim.tv_sec == script_was.st_mtim.tv_sec)) return;
    int fd = open(p, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, script, sizeof script - 1);
    if (fd >= 0) close(fd);
    script[n > 0 ? n : 0] = 0;
    script_was = is;
}

// said finds the line that begins with a word, and copies what follows.
static int said(const char *word, char *value, size_t n) {
    size_t length = strlen(word);
    pthread_mutex_lock(&lock);
    reload();
    int found = 0;
    for (const char *line = script; line && *line && !found; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, word, length) != 0 || line[length] != ' ') continue;
        const char *begin = line + length + 1;
        snprintf(value, n, "%.*s", (int)strcspn(begin, "\n"), begin);
        found = 1;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static long long number(const char *word, long long otherwise) {
    char value[64];
    return said(word, value, sizeof value) ? strtoll(value, NULL, 10) : otherwise;
}

static int text(const char *word, const char *otherwise, char *s, unsigned n) {
    if (!said(word, s, n)) snprintf(s, n, "%s", otherwise);
    return OK;
}

// trouble is the code with which a call fails: that of the call (init, memory,
// processes, utilisation), else that of its GPU (gpu0).
static int trouble(const device *d, const char *call) {
    char name[16];
    int code = (int)number(call, OK);
    if (code != OK || !d) return code;
    snprintf(name, sizeof name, "gpu%d", d->gpu);
    return (int)number(name, OK);
}

// find opens the file of a GPU or instance, once; NULL where there is none.
static device *find(int gpu, int instance) {
    if (gpu < 0 || gpu >= GPUS || instance >= INSTANCES) return NULL;
    device *d = &devices[gpu][instance == NONE ? INSTANCES : instance];
    pthread_mutex_lock(&lock);
    if (d->fd == 0) {
        char name[32], p[4096];
        snprintf(name, sizeof name, instance == NONE ? "gpu%d" : "gpu%d.%d", gpu, instance);
        path(p, sizeof p, name);
        int fd = open(p, O_RDWR | O_CLOEXEC);
        *d = (device){gpu, instance, fd < 0 ? 0 : fd};
    }
    pthread_mutex_unlock(&lock);
    return d->fd ? d : NULL;
}

typedef struct { info *list; unsigned room, n; bytes memory; } holders;

// hold finds who holds locks between two places: the kernel tells of one, and
// then what lies before and behind it is asked about.
static void hold(const device *d, off_t from, off_t to, holders *h) {
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = to - from};
    if (from >= to || fcntl(d->fd, F_GETLK, &l) != 0 || l.l_type == F_UNLCK) return;
    off_t begin = l.l_start < from ? from : l.l_start;
    off_t end = l.l_len == 0 || l.l_start + l.l_len > to ? to : l.l_start + l.l_len;
    unsigned i = 0;
    unsigned instance = (unsigned)d->instance, compute = d->instance == NONE ? (unsigned)NONE : 0;
    while (i < h->n && i < h->room && !(h->list[i].pid == (unsigned)l.l_pid && h->list[i].instance == instance)) i++;
    if (i < h->room && i == h->n) h->list[i] = (info){(unsigned)l.l_pid, 0, instance, compute};
    if (i == h->n) h->n++;
    if (i < h->room) h->list[i].memory += (bytes)(end - begin);
    h->memory += (bytes)(end - begin);
    hold(d, from, begin, h);
    hold(d, end, to, h);
}

static void all(const device *d, holders *h) {
    const off_t end = (off_t)1 << 62;
    hold(d, 0, end, h);
    for (int i = 0; d->instance == NONE && i < INSTANCES; i++) {
        device *part = find(d->gpu, i);
        if (part) hold(part, 0, end, h);
    }
}

int nvmlInit_v2(void) { return trouble(NULL, "init"); }
int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case NOT_SUPPORTED: return "Not Supported";
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_LOADED: return "Driver Not Loaded";
    case LOST: return "GPU is lost";
    }
    return "Another Error";
}

int nvmlSystemGetDriverVersion(char *s, unsigned n) { return text("driver", "550.54.15", s, n); }
int nvmlSystemGetCudaDriverVersion(int *v) { *v = (int)number("cuda", 12040); return OK; }

int nvmlDeviceGetCount_v2(unsigned *n) {
    for (*n = 0; find((int)*n, NONE); ++*n) {}
    return trouble(NULL, "count");
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, device **d) {
    *d = find((int)i, NONE);
    return *d ? trouble(*d, "handle") : INVALID_ARGUMENT;
}

// The first versions of functions are there too, as in NVIDIA's.
int nvmlInit(void) { return nvmlInit_v2(); }
int nvmlDeviceGetCount(unsigned *n) { return nvmlDeviceGetCount_v2(n); }
int nvmlDeviceGetHandleByIndex(unsigned i, device **d) { return nvmlDeviceGetHandleByIndex_v2(i, d); }

int nvmlDeviceGetName(device *d, char *s, unsigned n) {
    if (d->instance == NONE) return text("name", "NVIDIA A100-SXM4-40GB", s, n);
    return text("instance-name", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", s, n);
}

int nvmlDeviceGetUUID(device *d, char *s, unsigned n) {
    if (d->instance == NONE) snprintf(s, n, "GPU-00000000-0000-0000-0000-%012d", d->gpu);
    else snprintf(s, n, "MIG-00000000-0000-0000-%04d-%012d", d->instance, d->gpu);
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(device *d, int *major, int *minor) {
    (void)d;
    *major = (int)number("capability", 80) / 10, *minor = (int)number("capability", 80) % 10;
    return OK;
}

int nvmlDeviceGetBrand(device *d, unsigned *brand) { (void)d; *brand = 14; return OK; }
int nvmlDeviceGetPersistenceMode(device *d, unsigned *mode) { (void)d; *mode = (unsigned)number("persistence", 1); return OK; }

int nvmlDeviceGetMigMode(device *d, unsigned *now, unsigned *pending) {
    *now = 0;
    for (int i = 0; i < INSTANCES; i++) *now |= find(d->gpu, i) != NULL;
    *pending = *now;
    return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(device *d, unsigned *n) { (void)d; *n = INSTANCES; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned i, device **part) {
    *part = find(d->gpu, (int)i);
    return *part ? OK : NOT_FOUND;
}
int nvmlDeviceGetGpuInstanceId(device *d, unsigned *id) { *id = (unsigned)d->instance; return OK; }
int nvmlDeviceGetComputeInstanceId(device *d, unsigned *id) { (void)d; *id = 0; return OK; }

static int used(device *d, memory_v2 *m) {
    int code = trouble(d, "memory");
    holders h = {0};
    all(d, &h);
    m->total = (bytes)number("total", 40000000000);
    m->reserved = 600000000;
    m->used = (bytes)number("base", 0) + h.memory;
    m->free = m->total > m->used + m->reserved ? m->total - m->used - m->reserved : 0;
    return code;
}

int nvmlDeviceGetMemoryInfo_v2(device *d, memory_v2 *m) { return used(d, m); }
int nvmlDeviceGetMemoryInfo(device *d, memory_v1 *m) {
    memory_v2 two;
    int code = used(d, &two);
    *m = (memory_v1){two.total, two.free, two.used + two.reserved};
    return code;
}

int nvmlDeviceGetClockInfo(device *d, int type, unsigned *mhz) { (void)d, (void)type; *mhz = 1410; return OK; }
int nvmlDeviceGetPowerUsage(device *d, unsigned *mw) { (void)d; *mw = 71500; return OK; }
int nvmlDeviceGetEnforcedPowerLimit(device *d, unsigned *mw) { (void)d; *mw = 400000; return OK; }

int nvmlDeviceGetUtilizationRates(device *d, utilisation *u) {
    *u = (utilisation){(unsigned)number("busy", 0), 0};
    return d->instance == NONE ? trouble(d, "utilisation") : NOT_SUPPORTED;
}

// pids is added to every id, as if the driver were in another namespace; untold
// leaves out how much memory each has; hang waits so many ms.
int nvmlDeviceGetComputeRunningProcesses_v3(device *d, unsigned *n, info *list) {
    holders h = {.list = list, .room = *n};
    usleep((useconds_t)number("hang", 0) * 1000);
    int code = trouble(d, "processes");
    if (code != OK) return code;
    all(d, &h);
    *n = h.n;
    if (h.n > h.room) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < h.n; i++) {
        list[i].pid += (unsigned)number("pids", 0);
        if (number("untold", 0)) list[i].memory = (bytes)-1;
    }
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v2(device *d, unsigned *n, info *list) { return nvmlDeviceGetComputeRunningProcesses_v3(d, n, list); }

int nvmlDeviceGetComputeRunningProcesses(device *d, unsigned *n, info_v1 *list) {
    info full[256];
    unsigned room = *n, all = sizeof full / sizeof *full;
    int code = nvmlDeviceGetComputeRunningProcesses_v3(d, &all, full);
    *n = all;
    if (code == OK && all > room) return INSUFFICIENT_SIZE;
    for (unsigned i = 0; code == OK && i < all; i++) list[i] = (info_v1){full[i].pid, full[i].memory};
    return code;
}

static int none(device *d, unsigned *n) {
    int code = trouble(d, "processes");
    *n = 0;
    return code;
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(device *d, unsigned *n, info *list) { (void)list; return none(d, n); }
int nvmlDeviceGetMPSComputeRunningProcesses_v2(device *d, unsigned *n, info *list) { (void)list; return none(d, n); }
int nvmlDeviceGetMPSComputeRunningProcesses(device *d, unsigned *n, info_v1 *list) { (void)list; return none(d, n); }
int nvmlDeviceGetGraphicsRunningProcesses_v3(device *d, unsigned *n, info *list) { (void)list; return none(d, n); }
int nvmlDeviceGetGraphicsRunningProcesses_v2(device *d, unsigned *n, info *list) { (void)list; return none(d, n); }
int nvmlDeviceGetGraphicsRunningProcesses(device *d, unsigned *n, info_v1 *list) { (void)list; return none(d, n); }
