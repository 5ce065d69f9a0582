//! PTX as nvcc writes it, reduced to what a kernel does: its instructions in order, each operand traced back to where it comes from.
//!
//! A parameter is `p0`, `p1`, … and what an instruction makes is `r0`, `r1`, … in order of appearance. So two kernels read the same
//! if they execute the same instructions on the same operands, however nvcc named the registers and wherever it put the loads of
//! parameters. Moves and conversions that only carry a value from one place to another are followed and left out.

use std::collections::{BTreeMap, HashMap};

/// The instructions of each kernel of a file, by the kernel's name.
pub fn kernels(ptx: &str) -> BTreeMap<String, Vec<String>> {
    let without_comments: String =
        ptx.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let parts = without_comments.split(".entry ").skip(1);
    let kernel = |part: &str| {
        let (name, rest) = part.split_once('(').expect("parameters behind the name of a kernel");
        let body = rest.split_once('{').expect("a kernel's body").1;
        (name.trim().to_string(), Trace::default().run(&statements(body)))
    };
    parts.map(kernel).collect()
}

/// A body taken apart.
#[derive(Debug, PartialEq)]
enum Statement {
    Open,
    Close,
    Label(String),
    /// A declaration or an instruction.
    Text(String),
}

/// The statements up to the brace that closes the kernel.
fn statements(body: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut rest = body.trim_start();
    let mut depth = 0;
    loop {
        if let Some(after) = rest.strip_prefix('{') {
            depth += 1;
            statements.push(Statement::Open);
            rest = after.trim_start();
        } else if let Some(after) = rest.strip_prefix('}') {
            if depth == 0 {
                return statements;
            }
            depth -= 1;
            statements.push(Statement::Close);
            rest = after.trim_start();
        } else if let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start();
        } else {
            let end = rest.find(';').expect("`;` at the end of an instruction");
            let label = rest.find(|c: char| !is_name(c)).filter(|&at| rest[at..].starts_with(':'));
            if let Some(at) = label {
                statements.push(Statement::Label(rest[..at].to_string()));
                rest = rest[at + 1..].trim_start();
            } else {
                statements.push(Statement::Text(rest[..end].trim().to_string()));
                rest = rest[end + 1..].trim_start();
            }
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '%')
}

/// What the registers hold while a kernel is read.
#[derive(Default)]
struct Trace {
    /// Registers of the kernel, then those of each block in braces that is open. `None`: declared, nothing written yet.
    scopes: Vec<HashMap<String, Option<String>>>,
    labels: HashMap<String, String>,
    results: usize,
    instructions: Vec<String>,
}

impl Trace {
    fn run(mut self, statements: &[Statement]) -> Vec<String> {
        self.scopes.push(HashMap::new());
        for statement in statements {
            match statement {
                Statement::Open => self.scopes.push(HashMap::new()),
                Statement::Close => drop(self.scopes.pop()),
                Statement::Label(name) => {
                    let label = self.label(name);
                    self.instructions.push(format!("{label}:"));
                }
                Statement::Text(text) => match text.strip_prefix(".reg") {
                    Some(names) => self.declare(names),
                    None if text.starts_with('.') => {}
                    None => self.instruction(text),
                },
            }
        }
        if self.instructions.last().is_some_and(|last| last == "ret") {
            self.instructions.pop();
        }
        self.instructions
    }

    fn declare(&mut self, names: &str) {
        let names = names.trim().trim_start_matches(|c: char| !c.is_whitespace());
        for name in names.split(',').map(str::trim) {
            self.scopes.last_mut().unwrap().insert(name.to_string(), None);
        }
    }

    fn label(&mut self, name: &str) -> String {
        let next = format!("L{}", self.labels.len());
        self.labels.entry(name.to_string()).or_insert(next).clone()
    }

    fn instruction(&mut self, text: &str) {
        let (guard, text) = match text.strip_prefix('@') {
            Some(guarded) => guarded.split_once(char::is_whitespace).expect("an instruction behind its guard"),
            None => ("", text),
        };
        let guard = if guard.is_empty() { String::new() } else { format!("@{} ", self.read(guard)) };
        let (opcode, operands) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let operands = split(operands);
        if opcode.starts_with("bra") {
            let label = self.label(operands[0]);
            self.instructions.push(format!("{guard}{opcode} {label}"));
            return;
        }
        if guard.is_empty()
            && let Some(value) = self.carried(opcode, &operands)
        {
            self.write(operands[0], value);
            return;
        }
        let sources = if first_is_result(opcode) { &operands[1..] } else { &operands[..] };
        let mut shown: Vec<_> = sources.iter().map(|operand| self.read(operand)).collect();
        if first_is_result(opcode) || opcode.starts_with("wgmma.mma_async") {
            let mut results = Vec::new();
            for register in registers(operands[0]) {
                let result = if register == "_" { "_".to_string() } else { self.new_result() };
                self.write(register, result.clone());
                results.push(result);
            }
            shown.insert(0, format!("({})", results.join(" ")));
        }
        self.instructions.push(format!("{guard}{opcode} {}", shown.join(", ")).trim_end().to_string());
    }

    fn new_result(&mut self) -> String {
        self.results += 1;
        format!("r{}", self.results - 1)
    }

    /// The value that an instruction only carries on: a parameter, a copy, the same address in another space, an integer in
    /// another width, a truth value as a number or back.
    fn carried(&self, opcode: &str, operands: &[&str]) -> Option<String> {
        let source = |index: usize| self.read(operands[index]);
        let parts: Vec<_> = opcode.split('.').collect();
        let is_integer = |part: &str| part.starts_with(['u', 's', 'b']) && part[1..].parse::<u32>().is_ok();
        match parts[..] {
            ["ld", "param", _] => {
                let name = operands[1].trim_matches(['[', ']']);
                Some(format!("p{}", name.rsplit_once("_param_").expect("the name of a parameter").1))
            }
            ["mov", _] if !operands[0].starts_with('{') && !operands[1].starts_with('{') => Some(source(1)),
            ["cvta", ..] => Some(source(1)),
            ["cvt", to, from] if is_integer(to) && is_integer(from) => Some(source(1)),
            ["selp", ..] if operands[1] == "1" && operands[2] == "0" => Some(source(3)),
            ["setp", "ne", _] if operands[2] == "0" => Some(source(1)),
            ["setp", "eq", _] if operands[2] == "1" => Some(source(1)),
            _ => None,
        }
    }

    /// An operand with values for its registers.
    fn read(&self, operand: &str) -> String {
        let mut text = String::new();
        let mut rest = operand;
        while let Some(c) = rest.chars().next() {
            let length =
                if is_name(c) { rest.find(|c: char| !is_name(c) && c != '.').unwrap_or(rest.len()) } else { 1 };
            let (token, after) = rest.split_at(length);
            let value = self.scopes.iter().rev().find_map(|scope| scope.get(token));
            match value {
                Some(value) => text += value.as_deref().unwrap_or("undefined"),
                None if c.is_whitespace() => {}
                None => text += token,
            }
            rest = after;
        }
        text
    }

    fn write(&mut self, register: &str, value: String) {
        let scope = self.scopes.iter().rposition(|scope| scope.contains_key(register)).unwrap_or(0);
        self.scopes[scope].insert(register.to_string(), Some(value));
    }
}

/// The operands, apart.
fn split(operands: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = operands.split(|c| {
        depth += i32::from(matches!(c, '{' | '[' | '(')) - i32::from(matches!(c, '}' | ']' | ')'));
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The registers of an operand: one, a vector, or a pair `r|p`.
fn registers(operand: &str) -> impl Iterator<Item = &str> {
    operand.split(['{', '}', ',', '|']).map(str::trim).filter(|name| !name.is_empty())
}

/// Whether an instruction's first operand is what it makes.
fn first_is_result(opcode: &str) -> bool {
    let without = [
        "st",
        "red",
        "cp",
        "bar.sync",
        "bar.arrive",
        "barrier.sync",
        "barrier.arrive",
        "barrier.cluster",
        "fence",
        "membar",
        "stmatrix",
        "mbarrier.init",
        "mbarrier.inval",
        "mbarrier.expect_tx",
        "mbarrier.complete_tx",
        "wgmma",
        "setmaxnreg",
        "griddepcontrol",
        "prefetch",
        "prefetchu",
        "trap",
        "brkpt",
        "ret",
        "exit",
        "nanosleep",
    ];
    !without.iter().any(|name| opcode.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

#[test]
fn operands_are_traced_to_parameters_and_results() {
    let ptx = "
.visible .entry first(.param .u64 first_param_0, .param .u32 first_param_1)
{
    .reg .b32 %r<4>;
    ld.param.u64 %rd1, [first_param_0]; // a comment; with a semicolon
    ld.param.u32 %r1, [first_param_1];
    { .reg .u64 a;
      cvta.to.shared.u64 a, %rd1;
      cvt.u32.u64 %r2, a; }
    ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r3, %r4}, [%r2+16];
    { .reg .pred p; LAB: setp.ne.u32 p, %r1, 0; @!p bra LAB; }
    st.global.v2.b32 [%rd1], {%r4, %r3};
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r3}, %rd1, 1;
    ret;
}
.visible .entry second() { ret; }";
    let kernels = kernels(ptx);
    let expected = [
        "ldmatrix.sync.aligned.m8n8.x2.shared.b16 (r0 r1), [p0+16]",
        "L0:",
        "@!p1 bra L0",
        "st.global.v2.b32 [p0], {r1,r0}",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 (r2), {r0}, p0, 1",
    ];
    assert_eq!(kernels["first"], expected);
    assert!(kernels["second"].is_empty());
}
