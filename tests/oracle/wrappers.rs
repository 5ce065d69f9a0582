//! Each wrapper of `kernels/common/ptx` becomes the instruction that NVIDIA's own code becomes.
//!
//! For each entry of the tables below, nvcc compiles a kernel that calls our wrapper and one that calls its counterpart, and the two
//! must execute the same instructions on the same operands: CuTe's and CUTLASS's wrappers, `cuda::ptx` of CCCL, or what the compiler
//! has built in. Where none of them has a counterpart, the entry names the section of the PTX ISA and the instruction as it stands
//! there. A wrapper without an entry fails the test.

mod math;
mod memory;
mod synchronization;
mod tensor_cores;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::programs::root;
use crate::ptx;
use crate::tools::Tools;

/// A call of one of our wrappers, and what it is held against.
pub struct Entry {
    /// The oldest GPU that has the instruction.
    arch: u32,
    parameters: String,
    ours: String,
    expected: Expected,
}

enum Expected {
    /// The same, in NVIDIA's code.
    Counterpart(String),
    /// A section of the PTX ISA, and the instructions as `ptx::kernels` shows them.
    Documented(&'static str, String),
}

/// A call and its counterpart. Both may `put(out, value)`.
fn pair(parameters: &str, ours: &str, theirs: &str) -> Entry {
    let expected = Expected::Counterpart(theirs.to_string());
    Entry { arch: 80, parameters: parameters.to_string(), ours: ours.to_string(), expected }
}

/// A call without a counterpart: it stands in this section of the PTX ISA, and is these instructions, `;` between them.
fn documented(parameters: &str, ours: &str, section: &'static str, instructions: &str) -> Entry {
    let expected = Expected::Documented(section, instructions.to_string());
    Entry { arch: 80, parameters: parameters.to_string(), ours: ours.to_string(), expected }
}

/// These need sm_90.
fn since_hopper(entries: Vec<Entry>) -> Vec<Entry> {
    entries.into_iter().map(|entry| Entry { arch: 90, ..entry }).collect()
}

fn entries() -> Vec<Entry> {
    let tables =
        [memory::entries(), synchronization::entries(), tensor_cores::entries(), math::entries(), transfers::entries()];
    tables.into_iter().flatten().collect()
}

/// Instructions that begin so: two spellings of the same part, and why they mean the same. The second one is compared.
const SPELLINGS: &[(&str, &str, &str, &str)] = &[
    ("ldmatrix.", ".x1.m8n8.", ".m8n8.x1.", "the PTX ISA puts the shape first; ptxas takes both"),
    ("ldmatrix.", ".x2.m8n8.", ".m8n8.x2.", "as above"),
    ("ldmatrix.", ".x4.m8n8.", ".m8n8.x4.", "as above"),
    ("ldmatrix.", ".x1.trans.m8n8.", ".m8n8.x1.trans.", "as above"),
    ("ldmatrix.", ".x2.trans.m8n8.", ".m8n8.x2.trans.", "as above"),
    ("ldmatrix.", ".x4.trans.m8n8.", ".m8n8.x4.trans.", "as above"),
    ("stmatrix.", ".x1.m8n8.", ".m8n8.x1.", "as above"),
    ("stmatrix.", ".x2.m8n8.", ".m8n8.x2.", "as above"),
    ("stmatrix.", ".x4.m8n8.", ".m8n8.x4.", "as above"),
    ("stmatrix.", ".x1.trans.m8n8.", ".m8n8.x1.trans.", "as above"),
    ("stmatrix.", ".x2.trans.m8n8.", ".m8n8.x2.trans.", "as above"),
    ("stmatrix.", ".x4.trans.m8n8.", ".m8n8.x4.trans.", "as above"),
    (
        "atom.add.acq_rel.sys.",
        "atom.add.acq_rel.sys.",
        "atom.acq_rel.sys.add.",
        "the PTX ISA puts the operation last; ptxas takes both",
    ),
    ("atom.add.acq_rel.gpu.", "atom.add.acq_rel.gpu.", "atom.acq_rel.gpu.add.", "as above"),
    ("cp.async.", ".shared.global.L2::128B", ".shared.global", "a hint that CUTLASS gives for copies of every size"),
    ("atom.add.acq_rel.cta.", "atom.add.acq_rel.cta.", "atom.acq_rel.cta.add.", "as above"),
    ("barrier.cluster.arrive.aligned", ".arrive.aligned", ".arrive.release.aligned", "release is the default"),
    ("barrier.cluster.wait.aligned", ".wait.aligned", ".wait.acquire.aligned", "acquire is the default"),
];

/// Loads and stores move bits: `.u32`, `.s32` and `.f32` are `.b32`.
fn untyped(opcode: &str) -> String {
    let is_access = ["ld.", "st."].iter().any(|name| opcode.starts_with(name));
    match opcode.rsplit_once('.') {
        Some((rest, kind)) if is_access && kind.starts_with(['u', 's', 'f']) => format!("{rest}.b{}", &kind[1..]),
        _ => opcode.to_string(),
    }
}

fn in_one_spelling(instruction: &str) -> String {
    let (opcode, operands) = instruction.split_once(' ').unwrap_or((instruction, ""));
    let mut opcode = untyped(opcode);
    for (begin, from, to, _) in SPELLINGS {
        if opcode.starts_with(begin) {
            opcode = opcode.replace(from, to);
        }
    }
    format!("{opcode} {operands}").trim_end().to_string()
}

/// A file with the kernels `ours_N` and `theirs_N` for each entry that this GPU has.
fn source(entries: &[Entry], arch: u32) -> String {
    let mut text = String::new();
    for header in headers() {
        writeln!(text, "#include \"common/ptx/{}\"", header.file_name().unwrap().to_str().unwrap()).unwrap();
    }
    text += include_str!("wrappers/prologue.cuh");
    for (number, Entry { arch: needed, parameters, ours, expected }) in entries.iter().enumerate() {
        if *needed > arch {
            continue;
        }
        writeln!(text, "extern \"C\" __global__ void ours_{number}({parameters}) {{ {ours}; }}").unwrap();
        if let Expected::Counterpart(theirs) = expected {
            writeln!(text, "extern \"C\" __global__ void theirs_{number}({parameters}) {{ {theirs}; }}").unwrap();
        }
    }
    text += "}\n";
    text
}

/// The files of `kernels/common/ptx`.
fn headers() -> Vec<std::path::PathBuf> {
    let mut headers: Vec<_> =
        fs::read_dir(root().join("kernels/common/ptx")).unwrap().map(|entry| entry.unwrap().path()).collect();
    headers.retain(|path| path.extension().is_some_and(|extension| extension == "cuh"));
    headers.sort();
    headers
}

/// What differs between the wrappers and what they are held against.
fn differences(entries: &[Entry], kernels: &BTreeMap<String, Vec<String>>, arch: &str) -> Vec<String> {
    let mut differences = Vec::new();
    for (number, Entry { ours, expected, .. }) in entries.iter().enumerate() {
        let Some(instructions) = kernels.get(&format!("ours_{number}")) else { continue };
        let (name, wanted) = match expected {
            Expected::Counterpart(theirs) => (theirs.as_str(), kernels[&format!("theirs_{number}")].clone()),
            Expected::Documented(section, instructions) => (
                *section,
                instructions.split(';').map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect(),
            ),
        };
        let in_one_spelling = |list: &[String]| list.iter().map(|i| in_one_spelling(i)).collect::<Vec<_>>();
        let (ours_is, wanted) = (in_one_spelling(instructions), in_one_spelling(&wanted));
        if ours_is != wanted {
            let show = |list: &[String]| list.iter().map(|line| format!("\n    {line}")).collect::<String>();
            differences.push(format!(
                "{arch}: {ours}{}\n  is not what is expected of {name}{}",
                show(&ours_is),
                show(&wanted)
            ));
        }
    }
    differences
}

#[test]
fn every_wrapper_is_the_instruction_of_its_counterpart() {
    let Some(tools) = Tools::find() else { return };
    let entries = entries();
    let sources = [("sm_80", source(&entries, 80)), ("sm_90a", source(&entries, 90))];
    let ptx = tools.ptx(&sources);
    let differences: Vec<_> =
        sources.iter().zip(ptx).flat_map(|((arch, _), ptx)| differences(&entries, &ptx::kernels(&ptx), arch)).collect();
    assert!(differences.is_empty(), "{} wrappers differ\n\n{}", differences.len(), differences.join("\n\n"));
}

/// The functions that a header defines for kernels, by `__device__ __forceinline__` or by a macro `WW_...(function, ...)`. Those of
/// namespaces `..._detail` are what the others are made of.
fn functions(header: &str) -> BTreeSet<String> {
    let identifier =
        |text: &str| text.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '_').collect::<String>();
    let mut functions = BTreeSet::new();
    let (mut in_macro, mut in_detail) = (false, false);
    for line in header.lines() {
        if line.contains("namespace ") && line.contains("_detail") {
            in_detail = line.ends_with('{');
        }
        let is_macro = in_macro || line.starts_with("#define");
        in_macro = is_macro && line.ends_with('\\');
        if is_macro || in_detail {
            continue;
        }
        if line.starts_with("WW_") && line.contains('(') {
            functions.insert(identifier(line.split_once('(').unwrap().1));
        } else if let Some((_, declaration)) = line.split_once("__device__ __forceinline__ ") {
            let name = declaration.split_once('(').expect("a function's parameters on the line of its name").0;
            let start = name.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
            functions.insert(name[start..].to_string());
        }
    }
    functions
}

/// Functions that are no instructions but make their operands. `layouts` compares the bits.
const OPERANDS: &[&str] = &["advance", "shared_descriptor"];

#[test]
fn no_wrapper_is_left_out() {
    let entries = entries();
    let calls = |function: &str, text: &str| {
        text.match_indices(function).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + function.len()..].chars().next();
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') && matches!(after, Some('(' | '<'))
        })
    };
    let mut missing = Vec::new();
    for path in headers() {
        let functions = functions(&fs::read_to_string(&path).unwrap());
        for function in functions {
            let is_held =
                entries.iter().any(|entry| calls(&function, &entry.ours)) || OPERANDS.contains(&function.as_str());
            if !is_held {
                missing.push(format!("{} of {}", function, Path::new(path.file_name().unwrap()).display()));
            }
        }
    }
    assert!(missing.is_empty(), "tests/oracle/wrappers holds these against nothing:\n{}", missing.join("\n"));
}

#[test]
fn functions_of_a_header_are_found() {
    let header = "namespace a_detail {\n__device__ __forceinline__ int hidden(int x) {\n} // namespace a_detail\n\
                  #define WW_F(function) \\\n    __device__ __forceinline__ T function(int x) {\nWW_F(from_macro)\n#undef WW_F\n\
                  template <int n> __device__ __forceinline__ uint64_t templated(int (&r)[n]) {\n\
                  __device__ __forceinline__ T *pointer(unsigned a,\n                                 T b) {\n";
    assert_eq!(functions(header), ["from_macro", "pointer", "templated"].map(String::from).into());
}

#[test]
fn a_difference_is_named() {
    let entries =
        [pair("int a", "ours(a)", "theirs(a)"), documented("", "alone()", "9.7.1", "fence.sc.gpu; ld.s32 (r0), [p0]")];
    let kernel = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>();
    let kernels = |ours: &str, alone: &str| {
        BTreeMap::from([
            ("ours_0".to_string(), kernel(&[ours])),
            ("theirs_0".to_string(), kernel(&["ldmatrix.sync.aligned.x2.m8n8.shared.b16 (r0 r1), [p0]"])),
            ("ours_1".to_string(), kernel(&["fence.sc.gpu", alone])),
        ])
    };
    let same = kernels("ldmatrix.sync.aligned.m8n8.x2.shared.b16 (r0 r1), [p0]", "ld.b32 (r0), [p0]");
    assert_eq!(differences(&entries, &same, "sm_80"), Vec::<String>::new());
    let other = kernels("ldmatrix.sync.aligned.m8n8.x2.shared.b16 (r0 r1), [p1]", "ld.b64 (r0), [p0]");
    let found = differences(&entries, &other, "sm_80");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("sm_80: ours(a)") && found[0].contains("expected of theirs(a)"), "{}", found[0]);
    assert!(found[1].contains("ld.b64") && found[1].contains("9.7.1"), "{}", found[1]);
}
