// threadIdx and its like.
#pragma once

#include "device_functions.h"
