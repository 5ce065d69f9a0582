// The part of cuda_pipeline.h that is plain functions. Its C++ part, cuda::pipeline, needs an mbarrier.
#pragma once

#include "cuda_pipeline_primitives.h"
