// Constants that stay in flash, for C: an AVR (Uno, Nano Every) reads them in a special way, and GCC knows it as __flash.
// For C sources only; C++ has tinyml/flash.h.
#ifndef TINYML_KERNELS_FLASH_H
#define TINYML_KERNELS_FLASH_H

#ifndef TINYML_FLASH
#if defined(__AVR__)
#define TINYML_FLASH __flash
#else
#define TINYML_FLASH
#endif
#endif

#endif
