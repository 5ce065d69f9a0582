//! What is wrong with the input is said in one line, and nothing is left half-written.

use crate::{Sandbox, TINY, newest, text};

#[test]
fn files_that_cannot_be_trained_on() {
    let sandbox = Sandbox::new();
    let pretrain = |file: &str| format!("pretrain --train {file} {TINY} --steps 2 --out run");
    sandbox.fails(&pretrain("absent.txt"), &["absent.txt", "No such file"]);
    sandbox.write("empty.txt", "");
    sandbox.fails(&pretrain("empty.txt"), &["empty.txt"]);
    sandbox.write("short.txt", "short");
    sandbox.fails(&pretrain("short.txt"), &["17 tokens", "6 tokens"]);
    sandbox.write("latin1.txt", b"caf\xe9 au lait, and more of it");
    sandbox.fails(&pretrain("latin1.txt"), &["latin1.txt", "UTF-8", "3"]);
    sandbox.write("cut.txt.gz", &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c"[..]);
    sandbox.fails(&pretrain("cut.txt.gz"), &["cut.txt.gz"]);
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    sandbox.fails(&pretrain("folder"), &["folder"]);
    sandbox.write("rows.tsv", "words\tlabel\none\ttwo\n");
    sandbox.fails(&pretrain("rows.tsv"), &["rows.tsv", "text", "words"]);
    assert!(warpweave::train::checkpoint::latest(&sandbox.path("run")).is_err());
}

#[test]
fn settings_that_make_no_sense() {
    let sandbox = Sandbox::new();
    sandbox.write("text.txt", text(40));
    sandbox.write("run.toml", "[train]\nbtach = 3\n");
    sandbox.fails("pretrain --config run.toml --train text.txt", &["train.btach", "train.batch", "run.toml"]);
    sandbox.fails("pretrain --train text.txt --width 30 --heads 4", &["model.width", "multiple of heads", "30"]);
    sandbox.fails("pretrain --train text.txt --preset gpt5", &["model.preset", "gpt2", "gpt5"]);
    sandbox.fails("pretrain --train text.txt --preset char --train-context 65", &["train.context", "64", "65"]);
    sandbox.fails("pretrain --steps 3", &["data.train"]);
    sandbox.fails("pretrain --train text.txt --resume --out nothing", &["nothing", "checkpoint"]);
    sandbox.fails("generate --model nothing --prompt x", &["nothing"]);
}

#[test]
fn damaged_models() {
    let sandbox = Sandbox::new();
    sandbox.write("text.txt", text(40));
    sandbox.run(&format!("pretrain --train text.txt {TINY} --steps 2 --out run"));
    let checkpoint = newest(&sandbox.path("run"));
    let weights = checkpoint.join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();

    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    sandbox.fails("generate --model run --prompt x", &["model.safetensors", "whole safetensors file"]);
    std::fs::write(&weights, [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).unwrap();
    sandbox.fails("generate --model run --prompt x", &["model.safetensors"]);
    std::fs::write(&weights, &whole).unwrap();

    let config = checkpoint.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"n_embd\": 16", "\"n_embd\": 32")).unwrap();
    sandbox.fails("generate --model run --prompt x", &["wte.weight", "32]", "16]"]);
    std::fs::write(&config, &text).unwrap();

    let optimizer = checkpoint.join("optimizer.safetensors");
    std::fs::write(&optimizer, b"").unwrap();
    sandbox.fails("pretrain --resume --out run --train text.txt", &["optimizer.safetensors"]);
}

#[test]
fn a_loss_that_is_no_number_stops_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("text.txt", text(200));
    // With a decay of 1 − 1000 · 0.1 a step, the weights grow until they leave f32.
    let run =
        format!("pretrain --train text.txt {TINY} --steps 100 --save-every 1 --clip 0 --schedule constant --warmup 0");
    let message = sandbox.fails(&format!("{run} --lr 1000 --out run"), &["step ", "last good checkpoint", "step-0000"]);
    let kept = newest(&sandbox.path("run"));
    assert!(message.contains(kept.file_name().unwrap().to_str().unwrap()), "{message}");
    let scores = sandbox.run("eval --model run --data text.txt");
    assert!(!scores.contains("NaN") && !scores.contains("inf nats"), "{scores}");
    // Where the very first step goes wrong, nothing is saved.
    sandbox.fails(&format!("{run} --lr 1e30 --out none"), &["step 1: ", "no checkpoint had been saved"]);
}
