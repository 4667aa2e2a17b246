/*
 * The one function of bcryptprimitives.dll that Go's runtime calls on Windows, for
 * versions of Wine that come without that library: random bytes, from the generator
 * that Wine does have.
 */
#include <windows.h>

/* advapi32 exports RtlGenRandom under this name alone. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG now = length > 65536 ? 65536 : (ULONG)length;
        if (!SystemFunction036(buffer, now))
            return FALSE;
        buffer += now;
        length -= now;
    }
    return TRUE;
}
