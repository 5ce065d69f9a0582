//! The committed bindings of `src/ffi` are what bindgen makes of the headers.
//!
//! Needs libclang (where it lies can be said by `LIBCLANG_PATH`) and rustfmt. With `WARPWEAVE_UPDATE_BINDINGS` set, the
//! files are written instead of compared.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use bindgen::callbacks::{ItemInfo, ItemKind, ParseCallbacks};
use bindgen::{Builder, MacroTypeVariation};

/// The files, the header of each, and what it takes from there.
const FILES: &[File] = &[
    File { name: "types.rs", header: "kernels/include/warpweave.h", part: Part::Types },
    File { name: "cuda.rs", header: "kernels/include/warpweave.h", part: Part::Launchers },
    File { name: "sim.rs", header: "kernels/sim/sim.h", part: Part::Simulator },
];

struct File {
    name: &'static str,
    header: &'static str,
    part: Part,
}

enum Part {
    /// The types and constants that both builds of the kernels share.
    Types,
    /// The functions of the kernels that nvcc compiled.
    Launchers,
    /// The functions of the simulated GPU: the same kernels, and its own.
    Simulator,
}

/// Functions lose their prefix: the module is the name space.
#[derive(Debug)]
struct WithoutPrefix;

impl ParseCallbacks for WithoutPrefix {
    fn item_name(&self, item: ItemInfo<'_>) -> Option<String> {
        let name = matches!(item.kind, ItemKind::Function).then_some(item.name)?;
        name.strip_prefix("ww_sim_").or(name.strip_prefix("ww_")).map(String::from)
    }
}

fn generate(file: &File) -> String {
    let builder = Builder::default()
        .header(file.header)
        .allowlist_file(".*/(warpweave|sim)\\.h")
        .blocklist_item("WARPWEAVE_H|WW_SIM_H")
        .raw_line(format!("// Generated from {} by tests/bindings.rs: change that, not this.", file.header))
        .disable_header_comment()
        .default_macro_constant_type(MacroTypeVariation::Signed)
        .parse_callbacks(Box::new(WithoutPrefix))
        .generate_comments(false)
        .layout_tests(true)
        .use_core()
        .rust_edition(bindgen::RustEdition::Edition2024)
        .rust_target(bindgen::RustTarget::stable(89, 0).unwrap())
        .merge_extern_blocks(true)
        .rustfmt_configuration_file(Some(Path::new("rustfmt.toml").canonicalize().unwrap()));
    let builder = match file.part {
        Part::Types => builder.ignore_functions(),
        Part::Launchers => {
            builder.with_codegen_config(bindgen::CodegenConfig::FUNCTIONS).raw_line("use super::types::*;")
        }
        Part::Simulator => builder
            .clang_arg("-DWW_SIM")
            .blocklist_type("ww_(stream|dtype|rows|range|dropout|adamw_state|.*_params)")
            .blocklist_var("WW_(OK|ERROR_.*|F32|BF16|F16|NORM_.*|ACTIVATION_.*|ROTARY_.*)")
            .raw_line("use super::types::*;"),
    };
    builder.generate().unwrap_or_else(|error| panic!("{}: {error}", file.header)).to_string()
}

/// What the test needs and this machine lacks.
fn missing() -> Option<String> {
    if let Err(error) = clang_sys::load() {
        return Some(format!("no libclang: {error}"));
    }
    match Command::new("rustfmt").arg("--version").output() {
        Ok(output) if output.status.success() => None,
        _ => Some("no rustfmt".into()),
    }
}

#[test]
fn the_bindings_are_what_the_headers_say() {
    if let Some(reason) = missing() {
        let required = std::env::var("WARPWEAVE_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|name| name == "libclang"), "WARPWEAVE_REQUIRE={required}: {reason}");
        // Not `eprintln!`, which the test harness captures.
        let _ = writeln!(std::io::stderr(), "skipped: {reason}");
        return;
    }
    let update = std::env::var_os("WARPWEAVE_UPDATE_BINDINGS").is_some();
    for file in FILES {
        let path = Path::new("src/ffi").join(file.name);
        let fresh = generate(file);
        if update {
            std::fs::write(&path, fresh).unwrap();
            continue;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == fresh,
            "{} is stale: WARPWEAVE_UPDATE_BINDINGS=1 cargo test --test bindings writes it anew",
            path.display()
        );
    }
}
