/* Says which classes a ResNet-18 sees in an image.
 *
 *   serve PORT         answers GET /health and POST /predict
 *   serve PORT check   ends with 0 where such a server answers there
 *
 * The network is oneDNN's, which computes PyTorch's too. The weights are mapped from
 * weights.bin. A connection is one request, and a thread; one at a time is computed. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

using dnnl::memory;
using std::string;

constexpr int side = 32, pixels = 3 * side * side, enlarged = 224, classes = 1000, top = 5;
constexpr size_t most = 16 * 1024; /* bytes of a request */
constexpr const char *file = "/app/weights.bin";

/* Weights are those of the file, one layer after the other. */
class Weights {
    const float *at, *end;

public:
    Weights() {
        int fd = open(file, O_RDONLY);
        struct stat about;
        if (fd < 0 || fstat(fd, &about))
            throw std::runtime_error(string(file) + ": " + strerror(errno));
        void *map = mmap(nullptr, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
            throw std::runtime_error(string(file) + ": " + strerror(errno));
        close(fd);
        at = (const float *)map;
        end = at + (size_t)about.st_size / sizeof(float);
    }
    float *next(memory::dim n) {
        if (end - at < n)
            throw std::runtime_error(string(file) + " is too short");
        at += n;
        return const_cast<float *>(at - n); /* oneDNN's interface knows no const */
    }
    void done() const {
        if (at != end)
            throw std::runtime_error(string(file) + " is too long");
    }
};

class Network {
    using Args = std::unordered_map<int, memory>;
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::vector<std::pair<dnnl::primitive, Args>> steps;
    std::mutex one;
    memory input, output;
    const float *weight, *bias; /* of the last layer */

    static memory::desc as(memory::dims dims, memory::format_tag tag) { return {dims, memory::data_type::f32, tag}; }

    /* conv appends a convolution, and what comes after it: what it adds, if it is
     * given, is where its sum goes too. */
    memory conv(Weights &weights, const memory &from, memory::dim outputs, memory::dim size, memory::dim stride, bool relu,
                const memory *adds = nullptr) {
        using tag = memory::format_tag;
        memory::dims in = from.get_desc().dims();
        memory::dim half = size / 2, out = (in[2] + 2 * half - size) / stride + 1;
        memory::dims shape{outputs, in[1], size, size};
        dnnl::post_ops after;
        if (adds)
            after.append_sum(1);
        if (relu)
            after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
        dnnl::primitive_attr attributes;
        attributes.set_post_ops(after);
        dnnl::convolution_forward::primitive_desc plan(
            {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, as(in, tag::any), as(shape, tag::any),
             as({outputs}, tag::x), adds ? adds->get_desc() : as({1, outputs, out, out}, tag::any), {stride, stride},
             {half, half}, {half, half}},
            attributes, engine);
        memory plain(as(shape, tag::oihw), engine, weights.next(outputs * in[1] * size * size));
        memory blocked(plan.weights_desc(), engine);
        dnnl::reorder(plain, blocked).execute(stream, plain, blocked);
        memory shift(plan.bias_desc(), engine, weights.next(outputs));
        memory source = from;
        if (plan.src_desc() != from.get_desc()) {
            source = memory(plan.src_desc(), engine);
            steps.push_back({dnnl::reorder(from, source), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, source}}});
        }
        memory to = adds ? *adds : memory(plan.dst_desc(), engine);
        steps.push_back({dnnl::convolution_forward(plan),
                         {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, blocked}, {DNNL_ARG_BIAS, shift}, {DNNL_ARG_DST, to}}});
        return to;
    }

public:
    Network() {
        using tag = memory::format_tag;
        Weights weights;
        input = memory(as({1, 3, enlarged, enlarged}, tag::nchw), engine);
        memory x = conv(weights, input, 64, 7, 2, true);
        dnnl::pooling_forward::primitive_desc pool(
            {dnnl::prop_kind::forward_inference, dnnl::algorithm::pooling_max, x.get_desc(), as({1, 64, 56, 56}, tag::any),
             {2, 2}, {3, 3}, {1, 1}, {1, 1}},
            engine);
        memory pooled(pool.dst_desc(), engine);
        steps.push_back({dnnl::pooling_forward(pool), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, pooled}}});
        x = pooled;
        for (memory::dim width : {64, 128, 256, 512}) {
            for (int block = 0; block < 2; block++) {
                bool narrow = x.get_desc().dims()[1] != width;
                memory first = conv(weights, x, width, 3, narrow ? 2 : 1, true);
                if (narrow) { /* its weights come after those of the second, and it before */
                    Weights later = weights;
                    later.next(width * width * 9 + width);
                    x = conv(later, x, width, 1, 2, false);
                    conv(weights, first, width, 3, 1, true, &x);
                    weights = later;
                } else {
                    conv(weights, first, width, 3, 1, true, &x);
                }
            }
        }
        output = memory(as({1, 512, 7, 7}, tag::nchw), engine);
        steps.push_back({dnnl::reorder(x, output), {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, output}}});
        weight = weights.next(classes * 512);
        bias = weights.next(classes);
        weights.done();
        stream.wait();
    }

    std::array<float, classes> scores(const unsigned char image[pixels]) {
        std::lock_guard<std::mutex> held(one);
        auto *in = (float *)input.get_data_handle();
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < enlarged; y++)
                for (int x = 0; x < enlarged; x++)
                    *in++ = (float)image[(y * side / enlarged * side + x * side / enlarged) * 3 + c] / 255;
        for (auto &[step, args] : steps)
            step.execute(stream, args);
        stream.wait();
        auto *out = (const float *)output.get_data_handle();
        float mean[512];
        for (int c = 0; c < 512; c++)
            mean[c] = std::accumulate(out + 49 * c, out + 49 * (c + 1), 0.0F) / 49;
        std::array<float, classes> s;
        for (int k = 0; k < classes; k++)
            s[k] = std::inner_product(mean, mean + 512, weight + 512 * k, bias[k]);
        float high = *std::max_element(s.begin(), s.end()), sum = 0;
        for (float &score : s)
            sum += score = std::exp(score - high);
        for (float &score : s)
            score /= sum;
        return s;
    }
};

/* value is where that of a key of a flat JSON object begins; NULL where there is none. */
static const char *value(const char *body, const char *key) {
    const char *at = strstr(body, key);
    if (!at)
        return nullptr;
    at += strlen(key);
    at += strspn(at, " \t\r\n");
    if (*at++ != ':')
        return nullptr;
    return at + strspn(at, " \t\r\n");
}

static bool from_seed(const char *at, unsigned char image[pixels]) {
    size_t digits = strspn(at, "0123456789");
    if (digits < 1 || digits > 10 || !at[digits] || !strchr(" \t\r\n,}", at[digits]))
        return false;
    unsigned long long seed = strtoull(at, nullptr, 10);
    if (seed > UINT32_MAX)
        return false;
    auto x = (uint32_t)seed;
    for (int i = 0; i < pixels; i++)
        image[i] = (unsigned char)((x = 1664525 * x + 1013904223) >> 24);
    return true;
}

static bool from_base64(const char *at, unsigned char image[pixels]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static_assert(pixels % 3 == 0, "its base64 needs no padding");
    if (*at++ != '"')
        return false;
    for (int i = 0; i < pixels; i += 3) {
        uint32_t four = 0;
        for (int k = 0; k < 4; k++, at++) {
            const char *digit = *at ? strchr(digits, *at) : nullptr;
            if (!digit)
                return false;
            four = four << 6 | (uint32_t)(digit - digits);
        }
        image[i] = (unsigned char)(four >> 16);
        image[i + 1] = (unsigned char)(four >> 8);
        image[i + 2] = (unsigned char)four;
    }
    return *at == '"';
}

static string predict(Network &network, const unsigned char image[pixels]) {
    auto scores = network.scores(image);
    std::array<int, classes> order;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + top, order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
    string text = "{\"classes\": [";
    for (int i = 0; i < top; i++) {
        char one[64];
        snprintf(one, sizeof one, "%s{\"class\": %d, \"score\": %.6f}", i ? ", " : "", order[i], scores[order[i]]);
        text += one;
    }
    return text + "]}";
}

static void answer(int fd, const char *status, const string &body) {
    string text = string("HTTP/1.1 ") + status + "\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    for (size_t sent = 0; sent < text.size();) {
        ssize_t k = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (k <= 0)
            return;
        sent += (size_t)k;
    }
}

/* body reads a request to its end, and returns where its body begins; NULL
 * where that is not to be had. */
static const char *body(int fd, char text[most + 1]) {
    size_t n = 0, want = 0;
    const char *begin = nullptr;
    for (;;) {
        if (begin && n >= want)
            return begin;
        if (n == most)
            return nullptr;
        ssize_t k = recv(fd, text + n, most - n, 0);
        if (k <= 0)
            return nullptr;
        n += (size_t)k;
        text[n] = 0;
        if (!begin && (begin = strstr(text, "\r\n\r\n"))) {
            begin += 4;
            const char *length = strcasestr(text, "\r\nContent-Length:");
            long more = length && length < begin ? strtol(length + 17, nullptr, 10) : 0;
            if (more < 0 || more > (long)most)
                return nullptr;
            want = (size_t)(begin - text) + (size_t)more;
        }
    }
}

static Network *network;

static void *serve(void *given) {
    int fd = (int)(long)given;
    char text[most + 1];
    unsigned char image[pixels];
    const char *b = body(fd, text);
    if (!b) {
        answer(fd, "400 Bad Request", "{\"detail\": \"no whole request\"}");
    } else if (!strncmp(text, "GET /health ", 12)) {
        answer(fd, "200 OK", "{\"status\": \"ok\"}");
    } else if (!strncmp(text, "POST /predict ", 14)) {
        const char *seed = value(b, "\"seed\""), *given = value(b, "\"image\"");
        if (!seed == !given || !(seed ? from_seed(seed, image) : from_base64(given, image)))
            answer(fd, "422 Unprocessable Content", "{\"detail\": \"not an image: seed or image, one of them\"}");
        else
            answer(fd, "200 OK", predict(*network, image));
    } else {
        answer(fd, "404 Not Found", "{\"detail\": \"there are /health and /predict\"}");
    }
    close(fd);
    return nullptr;
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
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons((unsigned short)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0)
        return fail("socket");
    if (argc > 2) {
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return connect(fd, (sockaddr *)&at, sizeof at) ? fail("connect") : 0;
    }
    signal(SIGTERM, _exit); /* the kernel spares process 1 the default */
    try {
        network = new Network; /* for as long as there is a process */
        unsigned char image[pixels];
        from_seed("0}", image);
        predict(*network, image); /* it has answered once before it listens */
    } catch (const std::exception &error) {
        fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (sockaddr *)&at, sizeof at) || listen(fd, 128))
        return fail("listen");
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int client = accept(fd, nullptr, nullptr);
        if (client < 0) {
            if (errno != EINTR && errno != ECONNABORTED)
                sleep(1); /* as where there are too many connections */
            continue;
        }
        timeval patience{5, 0};
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        pthread_t thread;
        if (pthread_create(&thread, &detached, serve, (void *)(long)client))
            close(client);
    }
}
