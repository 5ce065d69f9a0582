//! Compiles the kernels for the devices whose feature is on: by the host's C++ compiler for the simulated GPU (`sim`), by
//! nvcc for real ones (`cuda`).
//!
//! A missing compiler is no error: the crate is built without that device, with a warning, and `warpweave info` says
//! what is missing. What the crate learns from here: the cfgs `ww_sim` and `ww_cuda`, set where the kernels were
//! compiled, and the environment variables `WARPWEAVE_BUILD_SIM` and `WARPWEAVE_BUILD_CUDA`, which say by what, or
//! what is missing (see `src/device/build_info.rs`).

#[cfg(feature = "cuda")]
#[path = "build/cuda.rs"]
mod cuda;
#[cfg(feature = "cuda")]
#[path = "build/nvcc.rs"]
mod nvcc;
#[cfg(any(feature = "sim", feature = "cuda"))]
#[path = "build/objects.rs"]
mod objects;
#[cfg(feature = "sim")]
#[path = "build/sim.rs"]
mod sim;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ww_sim, ww_cuda)");
    #[cfg(any(feature = "sim", feature = "cuda"))]
    devices::build();
}

#[cfg(any(feature = "sim", feature = "cuda"))]
mod devices {
    use std::path::{Path, PathBuf};

    use crate::objects::{self, Job};

    /// How the kernels are compiled for one device.
    pub struct Plan {
        /// By what, for people.
        pub compiler: String,
        pub jobs: Vec<Job>,
        /// Folders and libraries for the linker, beside the objects themselves and the C++ library.
        pub link_folders: Vec<PathBuf>,
        pub link_libraries: &'static [&'static str],
        /// What to try when a file does not compile.
        pub hint: String,
    }

    pub fn build() {
        println!("cargo::rerun-if-changed=build");
        println!("cargo::rerun-if-changed=kernels");
        println!("cargo::rerun-if-env-changed=DOCS_RS");
        // What only reads the Rust (docs.rs, clippy) shall see every device, and needs no kernel.
        if std::env::var_os("DOCS_RS").is_some() {
            for device in [cfg!(feature = "sim").then_some("sim"), cfg!(feature = "cuda").then_some("cuda")] {
                let Some(device) = device else { continue };
                println!("cargo::rustc-cfg=ww_{device}");
                report(device, "nothing: DOCS_RS was set");
            }
            return;
        }
        let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let mut plans: Vec<(&str, Plan)> = Vec::new();
        let mut add = |device: &'static str, plan: Result<Plan, String>| match plan {
            Ok(plan) => plans.push((device, plan)),
            Err(missing) => {
                println!("cargo::warning=built without the device `{device}`: {missing}");
                report(device, &format!("missing: {missing}"));
            }
        };
        #[cfg(feature = "cuda")]
        add("cuda", crate::cuda::plan(&out.join("cuda")));
        #[cfg(feature = "sim")]
        add("sim", crate::sim::plan(&out.join("sim")));

        // All devices' files at once, so that no core waits.
        let jobs: Vec<(&Job, &str)> =
            plans.iter().flat_map(|(_, plan)| plan.jobs.iter().map(|job| (job, plan.hint.as_str()))).collect();
        let warnings = objects::compile(&jobs).unwrap_or_else(|failure| {
            eprintln!("{failure}");
            std::process::exit(1);
        });
        for line in warnings.iter().flat_map(|said| said.lines()) {
            println!("cargo::warning={line}");
        }
        for (device, plan) in &plans {
            link(device, plan, &out);
            println!("cargo::rustc-cfg=ww_{device}");
            report(device, &plan.compiler);
        }
    }

    /// Packs the objects into a library, and links that and what it needs.
    fn link(device: &str, plan: &Plan, out: &Path) {
        let mut library = cc::Build::new();
        library.cpp(true).out_dir(out).objects(plan.jobs.iter().map(|job| &job.object));
        library.compile(&format!("warpweave_{device}"));
        for folder in &plan.link_folders {
            println!("cargo::rustc-link-search=native={}", folder.display());
        }
        for library in plan.link_libraries {
            println!("cargo::rustc-link-lib={library}");
        }
    }

    fn report(device: &str, fact: &str) {
        println!("cargo::rustc-env=WARPWEAVE_BUILD_{}={}", device.to_uppercase(), fact.replace('\n', " "));
    }
}
