//! Fine-tuning on each kind of task, and evaluating what came out.

use crate::{Sandbox, TINY, text};

fn pretrained() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("train.txt", text(200));
    sandbox.run(&format!("pretrain --train train.txt {TINY} --context 40 --steps 20 --lr 0.01 --out base"));
    sandbox
}

const QUICK: &str = "--model base --lr 0.01 --batch 8";

#[test]
fn classification_learns_and_is_evaluated() {
    let sandbox = pretrained();
    let rows = |n: usize| {
        let row = |i: usize| {
            if i.is_multiple_of(2) { format!("{i} good news\tglad\n") } else { format!("{i} bad news\tsad\n") }
        };
        format!("text\tlabel\n{}", (0..n).map(row).collect::<String>())
    };
    sandbox.write("labels.tsv", rows(60));
    sandbox.write("test.tsv", rows(21));
    let printed =
        sandbox.run(&format!("finetune {QUICK} --train labels.tsv --validation test.tsv --epochs 8 --out tuned"));
    assert!(printed.contains("accuracy 1.000, macro-F1 1.000, 21 examples"), "{printed}");
    for file in ["tuned/loss.svg", "tuned/confusion.svg"] {
        assert!(sandbox.text(file).contains("</svg>"), "{file}");
    }
    let metrics = sandbox.text("tuned/metrics.jsonl");
    assert!(
        metrics.contains("lm_loss") && metrics.lines().last().unwrap().contains("\"val_accuracy\":1.0"),
        "{metrics}"
    );
    let printed = sandbox.run("eval --model tuned/model --data test.tsv");
    assert!(printed.contains("accuracy 1.000") && printed.contains("glad"), "{printed}");
    assert!(sandbox.run("info --model tuned/model").contains("glad, sad"));

    sandbox.write("strange.tsv", "text\tlabel\ngood\tglad\nodd\tpuzzled\n");
    sandbox.fails("eval --model tuned/model --data strange.tsv", &["strange.tsv:3", "puzzled", "glad", "sad"]);
    let error = format!("finetune {QUICK} --train labels.tsv --validation strange.tsv --out other");
    sandbox.fails(&error, &["strange.tsv:3", "puzzled"]);

    let twice = format!("finetune {QUICK} --train labels.tsv --out tuned");
    sandbox.fails(&twice, &["finetune.out", "tuned"]);
    sandbox.fails(
        &format!("finetune {QUICK} --context 41 --train labels.tsv --out wide"),
        &["finetune.context", "40", "41"],
    );

    let again = format!("finetune {QUICK} --train labels.tsv --epochs 1 --from-scratch --out scratch");
    assert!(sandbox.run(&again).contains("model: scratch/model"));
}

#[test]
fn pairs_in_one_order_and_in_both() {
    let sandbox = pretrained();
    let row = |i: usize| match i % 2 {
        0 => format!("{{\"text\": \"rain {i}\", \"second\": \"rain {i}\", \"label\": \"same\"}}\n"),
        _ => format!("{{\"text\": \"rain {i}\", \"second\": \"song x\", \"label\": \"other\"}}\n"),
    };
    sandbox.write("pairs.jsonl", (0..40).map(row).collect::<String>());
    for task in ["entailment", "similarity"] {
        let printed = sandbox.run(&format!(
            "finetune {QUICK} --task {task} --train pairs.jsonl --validation pairs.jsonl --epochs 8 --out {task}"
        ));
        assert!(printed.contains("accuracy 1.000"), "{task}: {printed}");
        assert!(sandbox.run(&format!("eval --model {task}/model --data pairs.jsonl")).contains("accuracy 1.000"));
    }
}

#[test]
fn multiple_choice() {
    let sandbox = pretrained();
    let row = |i: usize| match i % 2 {
        0 => format!("question {i}\tyes indeed\tzzz\tone\n"),
        _ => format!("question {i}\tzzz\tyes indeed\ttwo\n"),
    };
    sandbox.write("choices.tsv", format!("text\tone\ttwo\tanswer\n{}", (0..40).map(row).collect::<String>()));
    let printed = sandbox.run(&format!(
        "finetune {QUICK} --task multiple_choice --choices one two --label answer --train choices.tsv \
         --validation choices.tsv --epochs 8 --out choice"
    ));
    assert!(printed.contains("accuracy 1.000"), "{printed}");
    let arguments = format!("finetune {QUICK} --task multiple_choice --train choices.tsv --out none");
    sandbox.fails(&arguments, &["finetune.choices", "two or more"]);
}

#[test]
fn continued_language_modelling() {
    let sandbox = pretrained();
    sandbox.write("more.txt", "a song about the sea and the rain.\n".repeat(60));
    let printed = sandbox.run(&format!(
        "finetune {QUICK} --task language_model --train more.txt --validation more.txt --epochs 2 --out more"
    ));
    assert!(printed.contains("validation: "), "{printed}");
    let evaluate = |model: &str| {
        let printed = sandbox.run(&format!("eval --model {model} --data more.txt"));
        printed.split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(evaluate("more") < evaluate("base") - 0.2, "{} against {}", evaluate("more"), evaluate("base"));
}
