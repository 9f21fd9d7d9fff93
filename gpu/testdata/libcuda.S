.section .note.cuda.fwd_compatibility, "a", @note
.align 4
.long 2f-1f, 4f-3f, 1
1: .asciz "NVIDIA Corporation"
2: .align 4
3: .ascii "{\"Format\":1,\"CUDA Version\":\"13.1\",\"Driver\":[535,550,570,575,580,590],\"Device\":[1,2,7,8,9]}"
4: .align 4
