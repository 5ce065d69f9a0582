//! Tokenizing, pre-training, generating, evaluating.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::{Sandbox, TINY, newest, text};

/// The weights of a run's newest checkpoint.
fn weights(sandbox: &Sandbox, run: &str) -> Vec<u8> {
    std::fs::read(newest(&sandbox.path(run)).join("model.safetensors")).unwrap()
}

#[test]
fn from_text_to_text() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(400));
    sandbox.write("validation.txt", text(60));
    let printed = sandbox.run("tokenize --input train.txt --out vocabulary --vocab-size 300");
    assert!(printed.contains("bytes a token"), "{printed}");
    let data = "--tokenizer vocabulary --train vocabulary --validation validation.txt";
    let printed = sandbox.run(&format!(
        "pretrain {data} {TINY} --steps 60 --lr 0.01 --eval-every 20 --sample-every 30 --save-every 25 --keep 2 --out run"
    ));
    assert!(printed.contains("validation: ") && printed.contains("bits/byte"), "{printed}");
    let metrics: Vec<serde_json::Value> =
        sandbox.text("run/metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(metrics.len(), 61);
    let validation: Vec<f64> = metrics.iter().filter_map(|line| line["val_loss"].as_f64()).collect();
    assert_eq!(validation.len(), 4);
    assert!(validation[3] < validation[0] - 1.0, "{validation:?}");
    assert!(sandbox.text("run/loss.svg").contains("</svg>"));
    assert!(sandbox.text("run/samples.txt").contains("step 30: "));
    let mut left: Vec<String> = warpweave::train::checkpoint::all(&sandbox.path("run"))
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_string())
        .collect();
    left.sort();
    assert_eq!(left, ["step-00000050", "step-00000060"]);

    let scores = sandbox.run("eval --model run --data validation.txt");
    assert!(scores.contains("perplexity") && scores.contains("bits/byte"), "{scores}");

    let draw = |seed: u32| sandbox.run(&format!("generate --model run --prompt the·king --tokens 30 --seed {seed}"));
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert!(draw(1).starts_with("the king"));
    // Longer than the context: the cache is filled anew.
    let greedy = sandbox.run("generate --model run --prompt a·child --tokens 60 --temperature 0");
    assert!(greedy.len() > "a child".len() + 60, "{greedy}");
    let stopped = sandbox.run("generate --model run --prompt a·child --tokens 60 --temperature 0 --stop again");
    assert!(!stopped.contains("again") && greedy.starts_with(stopped.trim_end()), "{stopped} against {greedy}");

    let mut child = sandbox
        .command("generate --model run --tokens 5")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"my friend").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("my friend"));
}

#[test]
fn ten_steps_and_ten_more_equal_twenty_to_the_bit() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    let run = format!("pretrain --train train.txt {TINY} --steps 20 --dropout 0.1 --accumulate 2 --weight-decay 0.1");
    sandbox.run(&format!("{run} --out whole"));
    sandbox.run(&format!("{run} --stop-at 10 --out halves"));
    assert!(newest(&sandbox.path("halves")).ends_with("step-00000010"));
    // The options come from the run; the pause that was reached does not.
    sandbox.run("pretrain --resume --out halves");
    assert_eq!(weights(&sandbox, "whole"), weights(&sandbox, "halves"));
    let steps = |run: &str| sandbox.text(&format!("{run}/metrics.jsonl")).lines().count();
    assert_eq!(steps("whole"), steps("halves"));
    // Nothing is left to do, and nothing changes.
    sandbox.run("pretrain --resume --out halves");
    assert_eq!(weights(&sandbox, "whole"), weights(&sandbox, "halves"));

    // The text and the folder may be elsewhere by now: the run has its own tokens.
    sandbox.run(&format!("{run} --stop-at 10 --out third"));
    std::fs::rename(sandbox.path("train.txt"), sandbox.path("moved.txt")).unwrap();
    std::fs::rename(sandbox.path("third"), sandbox.path("fourth")).unwrap();
    sandbox.run("pretrain --resume --out fourth");
    assert_eq!(weights(&sandbox, "whole"), weights(&sandbox, "fourth"));
    std::fs::rename(sandbox.path("moved.txt"), sandbox.path("train.txt")).unwrap();

    let changed = sandbox.fails("pretrain --resume --batch 5 --out halves", &["options.batch", "expected 4", "got 5"]);
    assert!(changed.contains("halves"), "{changed}");
    let decay = "options.optimizer.schedule.decay";
    sandbox.fails("pretrain --resume --schedule linear --out halves", &[decay]);
    sandbox.fails("pretrain --resume --layers 2 --out halves", &["model.layers", "--layers"]);
    sandbox.fails(&format!("{run} --out whole"), &["train.out", "--resume"]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    for threads in [1, 3] {
        sandbox.run(&format!("pretrain --train train.txt {TINY} --steps 5 --threads {threads} --out run{threads}"));
    }
    assert_eq!(weights(&sandbox, "run1"), weights(&sandbox, "run3"));
}

#[test]
#[cfg(unix)]
fn ctrl_c_saves_and_the_run_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    let run = format!("pretrain --train train.txt {TINY} --steps 1000000 --out");
    let mut child =
        sandbox.command(&format!("{run} stopped")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let metrics = sandbox.path("stopped/metrics.jsonl");
    while std::fs::metadata(&metrics).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was stopped");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("--resume"));
    let checkpoint = warpweave::train::checkpoint::load(&newest(&sandbox.path("stopped"))).unwrap();
    let step = checkpoint.state.step;
    assert!(step < 1_000_000);

    let end = step + 5;
    sandbox.run(&format!("pretrain --resume --stop-at {end} --out stopped"));
    sandbox.run(&format!("{run} whole --stop-at {end}"));
    assert_eq!(weights(&sandbox, "stopped"), weights(&sandbox, "whole"));
}

#[test]
#[cfg(unix)]
fn killed_while_saving_leaves_whole_checkpoints() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    // So wide that saving, at every step, takes most of the time.
    let wide = "--layers 1 --width 512 --heads 2 --context 4 --batch 1 --save-every 1 --steps 100000";
    let run = sandbox.path("run");
    let mut interrupted = 0;
    for round in 0..4 {
        let resume = if round == 0 { "" } else { "--resume" };
        let arguments = format!("pretrain --train train.txt {wide} --out run {resume}");
        let mut child = sandbox.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let saved = || run.is_dir() && !warpweave::train::checkpoint::all(&run).unwrap().is_empty();
        while !saved() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        // Another save is cut short, in each round at another place.
        std::thread::sleep(Duration::from_millis(100 + 7 * round));
        while leftovers(&run).is_empty() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        interrupted += usize::from(!leftovers(&run).is_empty());
        for path in warpweave::train::checkpoint::all(&run).unwrap() {
            warpweave::train::checkpoint::load(&path).unwrap();
        }
    }
    assert!(interrupted > 0, "no save was cut short");
    // What a killed process left unfinished is gone after the next run.
    let step = warpweave::train::checkpoint::load(&newest(&run)).unwrap().state.step;
    sandbox.run(&format!("pretrain --resume --out run --stop-at {}", step + 1));
    assert_eq!(leftovers(&run), [""; 0]);
}

/// What in `folder` is half-written or half-removed.
fn leftovers(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".writing-") || name.starts_with(".removing-")).collect()
}

#[test]
fn nothing_that_lies_in_the_folder_is_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    // Shards that are not the run's own.
    sandbox.run("tokenize --kind apply --tokenizer byte --input train.txt --out mine/tokens/train");
    let shards = sandbox.read("mine/tokens/train/tokens-00000.bin");
    sandbox.fails(&format!("pretrain --train train.txt {TINY} --steps 2 --out mine"), &["train.out", "mine"]);
    assert_eq!(shards, sandbox.read("mine/tokens/train/tokens-00000.bin"));

    // A resume with another text fails, and with the text back it goes on.
    sandbox.run(&format!("pretrain --train train.txt {TINY} --steps 20 --stop-at 2 --out run"));
    std::fs::remove_dir_all(sandbox.path("run/tokens")).unwrap();
    sandbox.write("train.txt", text(100));
    sandbox.fails("pretrain --resume --out run", &["training text", "another text"]);
    sandbox.write("train.txt", text(200));
    // What is given when resuming holds for the next time.
    sandbox.run("pretrain --resume --out run --stop-at 4 --keep 9");
    sandbox.run("pretrain --resume --out run --stop-at 6");
    assert_eq!(warpweave::train::checkpoint::all(&sandbox.path("run")).unwrap().len(), 3);
    sandbox.fails("finetune --model run --train x.tsv --out run/step-00000006", &["finetune.out"]);

    // One process at a time.
    let lock = std::fs::File::create(sandbox.path("run/.lock")).unwrap();
    lock.lock().unwrap();
    sandbox.fails("pretrain --resume --out run", &["run", "in use"]);
}

#[test]
fn few_steps_need_no_warm_up_of_their_own() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(100));
    let tiny = "--layers 1 --width 16 --heads 2 --context 16 --batch 4";
    sandbox.run(&format!("pretrain --train train.txt {tiny} --steps 5 --out run"));
    sandbox.fails(&format!("pretrain --train train.txt {tiny} --steps 5 --warmup 6 --out no"), &["train.warmup", "6"]);
    let negative = sandbox.output(&format!("pretrain --train train.txt {tiny} --steps 5 --lr -1 --out no"));
    assert!(String::from_utf8(negative.stderr).unwrap().contains("at least 0"));
}

#[test]
fn a_run_begins_with_another_model() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    sandbox.run(&format!("pretrain --train train.txt {TINY} --steps 30 --lr 0.01 --out base"));
    let go_on = "pretrain --init base --train train.txt --validation train.txt --batch 4 --steps 3 --warmup 1";
    sandbox.run(&format!("{go_on} --lr 0.001 --dropout 0.1 --out more"));
    let first: serde_json::Value =
        serde_json::from_str(sandbox.text("more/metrics.jsonl").lines().next().unwrap()).unwrap();
    assert!(first["val_loss"].as_f64().unwrap() < 3.0, "{first}");
    sandbox.fails(&format!("{go_on} --layers 3 --out none"), &["model", "--init"]);
    sandbox.run("tokenize --input train.txt --vocab-size 300 --out other");
    sandbox.fails(&format!("{go_on} --tokenizer other --out none"), &["data.tokenizer", "--init"]);
}

#[test]
fn gpt2s_vocabulary_and_compressed_text() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(50));
    let gzip = std::process::Command::new("gzip").arg(sandbox.path("train.txt")).status().unwrap();
    assert!(gzip.success());
    let printed = sandbox.run("tokenize --tokenizer gpt2 --input train.txt.gz --out tokens --shard-tokens 100");
    assert!(printed.contains("of 50257"), "{printed}");
    assert!(sandbox.path("tokens/tokens-00001.bin").is_file());
    sandbox
        .fails("tokenize --kind apply --tokenizer gpt2 --input train.txt.gz --out tokens", &["tokenize.out", "shards"]);
    let tiny = "--layers 1 --width 8 --heads 2 --context 16 --batch 2 --steps 2 --warmup 1";
    sandbox.run(&format!("pretrain --tokenizer gpt2 --train tokens {tiny} --out run"));
    let text = sandbox.run("generate --model run --prompt the --tokens 5 --top-k 5 --top-p 0.9 --min-p 0.1");
    assert!(text.starts_with("the"), "{text}");
}

#[test]
fn bits_per_byte_agree_between_training_and_evaluation() {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    let lines: String = text(40).lines().map(|line| format!("{{\"text\": \"{line}\"}}\n")).collect();
    sandbox.write("held-out.jsonl", lines);
    let arguments =
        format!("pretrain --train train.txt --validation held-out.jsonl {TINY} --steps 30 --lr 0.01 --out run");
    let bits = |printed: &str| -> f64 {
        let end = printed.find(" bits/byte").unwrap();
        printed[..end].rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (in_training, alone) =
        (bits(&sandbox.run(&arguments)), bits(&sandbox.run("eval --model run --data held-out.jsonl")));
    // They differ in the first token and in the limit of 256 tokens.
    assert!((in_training / alone - 1.0).abs() < 0.1, "{in_training} against {alone}");
}

#[test]
fn architectures_come_from_a_file_and_flags_override_it() {
    let sandbox = Sandbox::new();
    sandbox
        .write("train.jsonl", text(100).lines().map(|line| format!("{{\"body\": \"{line}\"}}\n")).collect::<String>());
    sandbox.write(
        "run.toml",
        "[model]\nlayers = 2\nwidth = 16\nheads = 4\nkv_heads = 2\ncontext = 16\nnorm = \"rms\"\nactivation = \"swiglu\"\n\
         positions = \"rotary\"\nbias = false\ntied = false\nwindow = 8\n\
         [data]\ntrain = [\"train.jsonl\"]\ntext_column = \"body\"\n\
         [train]\nsteps = 3\nbatch = 2\nwarmup = 1\nschedule = \"inverse_sqrt\"\nout = \"run\"\n",
    );
    sandbox.run("pretrain --config run.toml --batch 3");
    let config = sandbox.text("run/settings.toml");
    assert!(config.contains("batch = 3") && config.contains("positions = \"rotary\""), "{config}");
    let info = sandbox.run("info --model run");
    assert!(info.contains("\"swiglu\"") && info.contains("lm_head.weight"), "{info}");
    sandbox.run("generate --model run --prompt the --tokens 20");
}
