// Takes memory on a GPU of the stand-in: hold FILE BYTES. It says so and then
// waits for the end of its input.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)getpid() << 38, .l_len = atoll(argv[2])};
    int fd = open(argv[1], O_RDWR);
    if (fd < 0 || fcntl(fd, F_SETLK, &l) != 0) {
        perror(argv[1]);
        return 1;
    }
    puts("held");
    fflush(stdout);
    char c;
    while (read(0, &c, 1) > 0) {}
    return 0;
}
