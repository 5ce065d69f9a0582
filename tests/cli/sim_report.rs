//! `sim-report`: the table, JSON, and what it refuses.

use serde_json::Value;
use warpweave::Device;

use crate::Sandbox;

/// Whether this build has the simulated GPU. Without it, the program says so.
fn can_report(sandbox: &Sandbox) -> bool {
    let missing = Device::Sim.stream().err();
    if missing.is_some() {
        sandbox.fails("sim-report softmax 4x64", &["device `sim`", "compiler"]);
    }
    missing.is_none()
}

#[test]
fn a_table_for_each_kernel() {
    let sandbox = Sandbox::new();
    if !can_report(&sandbox) {
        return;
    }
    let report = sandbox.run("sim-report layer-norm-backward 32x256 --type bf16");
    let parts = ["layer-norm-backward 32x256 bf16", "norm_backward", "sum_parts", "global memory", "cp.async"];
    for part in [&parts[..], &["shared memory", "__shfl_xor_sync", "least possible"]].concat() {
        assert!(report.contains(part), "no `{part}` in:\n{report}");
    }
}

#[test]
fn json_holds_what_the_table_shows() {
    let sandbox = Sandbox::new();
    if !can_report(&sandbox) {
        return;
    }
    let report: Value =
        serde_json::from_str(&sandbox.run("sim-report softmax 4x64 --type f32 --causal --json")).unwrap();
    assert_eq!(report["shape"], serde_json::json!([1, 1, 4, 64]));
    // Query i sees keys up to i + 60.
    assert_eq!(report["least_bytes"]["read"], (61 + 62 + 63 + 64) * 4);
    assert_eq!(report["least_bytes"]["written"], 4 * 64 * 4);
    assert_eq!(report["write_ratio"], 1.0);
    let kernel = &report["kernels"][0];
    assert_eq!(kernel["global"]["store"]["bytes"], 4 * 64 * 4);
    let special = kernel["instructions"].as_array().unwrap().iter().find(|count| count["name"] == "ex2").unwrap();
    assert_eq!(special["kind"], "special");
    // The same whatever the order.
    let again = sandbox.run("sim-report softmax 4x64 --type f32 --causal --json --seed 5");
    assert_eq!(report, serde_json::from_str::<Value>(&again).unwrap());
}

#[test]
fn every_operation_has_a_report() {
    let sandbox = Sandbox::new();
    if !can_report(&sandbox) {
        return;
    }
    let help = sandbox.run("sim-report --help");
    let operations = help.split("[possible values: ").nth(1).unwrap().split(']').next().unwrap();
    for operation in operations.split(',').map(str::trim) {
        let shape = if ["adamw", "grad-norm"].contains(&operation) { "120" } else { "3x40" };
        for kind in ["f32", "f16"] {
            let report = sandbox.run(&format!("sim-report {operation} {shape} --type {kind}"));
            assert!(report.contains("1 launch, "), "{report}");
        }
    }
    let residual = sandbox.run("sim-report rms-norm 3x40 --residual --compute-capability 80");
    assert!(residual.contains(&format!("{} read", 3 * 40 * 2 * 2 + 40 * 2)), "{residual}");
}

#[test]
fn mistakes_are_named() {
    let sandbox = Sandbox::new();
    for shape in ["4", "0x4", "4x", "4xfour", "1x2x3", "-1x4"] {
        sandbox.fails(&format!("sim-report layer-norm -- {shape}"), &["`shape`", "rows x columns", "4096x1024", shape]);
    }
    sandbox.fails("sim-report softmax 1x1x1x1x1", &["batch x heads x queries x keys"]);
    sandbox.fails("sim-report layer-norm 4x64 --causal", &["causal", "layer-norm"]);
    let output = sandbox.output("sim-report gem 4x64");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("gem") && message.contains("layer-norm-backward"), "{message}");
    if can_report(&sandbox) {
        sandbox.fails("sim-report softmax 4x64 --compute-capability 75", &["80, 86 or 90", "75"]);
    }
}
