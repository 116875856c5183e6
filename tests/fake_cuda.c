/* The driver's calls that autoloop_kernel/card.py makes, with cuda.h's types, and cards whose memory is files.
 *
 * Files lie in the folder $FAKE_CUDA. $FAKE_CUDA_DEVICES: how many cards there are (2; -1: no driver). A call without a
 * context, or with one that is not on top, is refused, as the driver does. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int CUresult;
typedef int CUdevice;
typedef struct context *CUcontext;
typedef unsigned long long CUdeviceptr;
typedef struct { char bytes[16]; } CUuuid;
typedef struct { char reserved[64]; } CUipcMemHandle;
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201 };

struct context { CUdevice device; };
static struct context contexts[2] = {{0}, {1}};
static CUcontext stack[8];
static int depth, count = 2, made;
static CUdeviceptr last_address;
static size_t last_size;
static char last_path[64];

#define NEEDS_CONTEXT if (depth == 0) return INVALID_CONTEXT

CUresult cuInit(unsigned int flags) {
    const char *given = getenv("FAKE_CUDA_DEVICES");
    if (given != NULL) count = atoi(given);
    return flags != 0 ? INVALID_VALUE : count < 0 ? NO_DEVICE : SUCCESS;
}
CUresult cuDeviceGetCount(int *found) { *found = count; return SUCCESS; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    if (ordinal < 0 || ordinal >= count) return INVALID_VALUE;
    *device = ordinal;
    return SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
    memset(uuid, 0x11 * (device + 1), sizeof *uuid);
    uuid->bytes[3] = 0; /* a text would end here */
    return SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    *context = &contexts[device];
    return SUCCESS;
}
CUresult cuCtxPushCurrent_v2(CUcontext context) {
    if (context != &contexts[0] && context != &contexts[1]) return INVALID_CONTEXT;
    stack[depth++] = context;
    return SUCCESS;
}
CUresult cuCtxPopCurrent_v2(CUcontext *context) { NEEDS_CONTEXT; *context = stack[--depth]; return SUCCESS; }
CUresult cuCtxSynchronize(void) { NEEDS_CONTEXT; return SUCCESS; }

static CUresult mapped(CUdeviceptr *address, const char *name, size_t size, int flags) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%.63s", getenv("FAKE_CUDA"), name);
    int file = open(path, flags, 0600);
    if (file < 0) return INVALID_VALUE;
    if (size == 0) size = lseek(file, 0, SEEK_END);
    else if (ftruncate(file, size) != 0) { close(file); return OUT_OF_MEMORY; }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return OUT_OF_MEMORY;
    *address = (CUdeviceptr)(uintptr_t)memory;
    return SUCCESS;
}
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    NEEDS_CONTEXT;
    snprintf(last_path, sizeof last_path, "card-%d-%d", getpid(), made++);
    CUresult status = mapped(address, last_path, size, O_RDWR | O_CREAT);
    last_address = *address;
    last_size = size;
    return status;
}
CUresult cuIpcGetMemHandle(CUipcMemHandle *handle, CUdeviceptr address) {
    NEEDS_CONTEXT;
    if (address != last_address) return INVALID_VALUE;
    if (last_size % (2 << 20) != 0) return INVALID_VALUE; /* others' memory would be shared along with it */
    memset(handle, 0, sizeof *handle);
    strcpy(handle->reserved, last_path);
    handle->reserved[63] = 0x7e; /* the last byte has to arrive as well */
    return SUCCESS;
}
CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *address, CUipcMemHandle handle, unsigned int flags) {
    NEEDS_CONTEXT;
    if (flags != 1 || handle.reserved[63] != 0x7e) return INVALID_VALUE;
    handle.reserved[63] = 0;
    return mapped(address, handle.reserved, 0, O_RDWR);
}
CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, size_t size) {
    NEEDS_CONTEXT;
    memset((void *)(uintptr_t)address, value, size);
    return SUCCESS;
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
    NEEDS_CONTEXT;
    memcpy(to, (void *)(uintptr_t)from, size);
    return SUCCESS;
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) {
    NEEDS_CONTEXT;
    memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, size);
    return SUCCESS;
}
CUresult cuGetErrorName(CUresult status, const char **name) {
    *name = status == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
          : status == INVALID_VALUE ? "CUDA_ERROR_INVALID_VALUE"
          : status == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE"
          : status == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT" : "CUDA_ERROR_UNKNOWN";
    return SUCCESS;
}
