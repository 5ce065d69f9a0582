//! Compiles files to objects, several at once, and only those that changed.
//!
//! Beside an object lies a stamp: the command, and each file that the compiler read with its time and size. An object whose
//! stamp still holds is kept.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// One run of a compiler.
pub struct Job {
    pub object: PathBuf,
    /// The file with a Makefile rule for the object, which the compiler writes.
    depfile: PathBuf,
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// What the result depends on that the command does not show: the compiler's version.
    identity: String,
}

impl Job {
    /// Compiles `source` to an object in `folder`. `command` is the compiler with its flags, the one for what to make included.
    pub fn new(source: &Path, folder: &Path, command: &Command, identity: &str) -> Self {
        let object = folder.join(source).with_extension("o");
        let depfile = folder.join(source).with_extension("d");
        let mut arguments: Vec<OsString> = command.get_args().map(OsStr::to_os_string).collect();
        arguments.extend(["-MD", "-MF"].map(OsString::from));
        arguments.extend([depfile.clone().into(), OsString::from("-o"), object.clone().into(), source.into()]);
        let environment = command.get_envs().filter_map(|(key, value)| Some((key.into(), value?.into()))).collect();
        let program = command.get_program().into();
        Job { object, depfile, program, arguments, environment, identity: identity.into() }
    }

    /// The command, as a shell takes it.
    fn line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments).map(|word| {
            let word = word.to_string_lossy();
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=+,:".contains(c));
            if plain { word.into_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn stamp_file(&self) -> PathBuf {
        self.object.with_extension("stamp")
    }

    /// What the stamp says when the object is up to date; `None` where a file that it was made from is gone, or is no older
    /// than `started`.
    fn stamp(&self, started: Option<SystemTime>) -> Option<String> {
        let mut stamp = format!("{}\n{:?}\n{}\n", self.line(), self.environment, self.identity);
        for file in dependencies(&fs::read_to_string(&self.depfile).ok()?) {
            let metadata = fs::metadata(&file).ok()?;
            let time = metadata.modified().ok()?;
            if started.is_some_and(|started| time >= started) {
                return None;
            }
            let time = time.duration_since(UNIX_EPOCH).ok()?.as_nanos();
            stamp += &format!("{time} {} {file}\n", metadata.len());
        }
        Some(stamp)
    }

    fn is_fresh(&self) -> bool {
        let written = fs::read_to_string(self.stamp_file()).ok();
        written.is_some() && written == self.stamp(None) && self.object.exists()
    }

    /// Compiles. `Ok` is what the compiler said nevertheless, `Err` the report of what went wrong.
    fn run(&self) -> Result<String, String> {
        let folder = self.object.parent().expect("an object lies in a folder");
        fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let _ = fs::remove_file(self.stamp_file());
        let started = SystemTime::now();
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned()).stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("{}\n\ncannot be run: {error}", self.line()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !output.status.success() {
            return Err(format!("{}\n\nfailed ({}):\n\n{said}", self.line(), output.status));
        }
        // Without a stamp, because a file changed meanwhile, the next build compiles again.
        if let Some(stamp) = self.stamp(Some(started)) {
            let _ = fs::write(self.stamp_file(), stamp);
        }
        Ok(said.into_owned())
    }
}

/// The files after the colon of a Makefile rule. A blank in a name is escaped by a backslash, a line break too.
fn dependencies(rule: &str) -> Vec<String> {
    let rule = rule.replace("\\\n", " ").replace("\\ ", "\0");
    let files = rule.split_once(": ").map_or("", |(_, files)| files);
    files.split_whitespace().map(|file| file.replace('\0', " ")).collect()
}

/// Compiles what is not up to date, on as many cores as cargo allows, or on all. Each job comes with a hint for when it fails.
/// `Ok` is the compilers' warnings, `Err` the report of the first job that failed.
pub fn compile(jobs: &[(&Job, &str)]) -> Result<Vec<String>, String> {
    let stale: Vec<_> = jobs.iter().filter(|(job, _)| !job.is_fresh()).collect();
    let cores = std::env::var("NUM_JOBS").ok().and_then(|n| n.parse().ok());
    let cores = cores.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let waiting = Mutex::new(stale.iter());
    let done = Mutex::new(Ok(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(stale.len()) {
            scope.spawn(|| {
                while let Some((job, hint)) = { waiting.lock().unwrap().next() } {
                    let result = job.run();
                    match (&mut *done.lock().unwrap(), result) {
                        (Ok(warnings), Ok(said)) => warnings.push(said),
                        (done @ Ok(_), Err(report)) => *done = Err(format!("{report}\nhint: {hint}")),
                        (Err(_), _) => return,
                    }
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// The files of `folder` with the extension, in a fixed order.
pub fn sources(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension() == Some(OsStr::new(extension))).collect();
    files.sort();
    files
}

/// What a program prints when run with `argument`, if it runs.
pub fn output_of(program: impl AsRef<OsStr>, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
