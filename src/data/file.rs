//! Files that are whole or absent, whenever the process dies.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// A file that is being written beside its final place. Until [`commit`](Staged::commit) nothing exists under the final
/// name; dropping it removes what was written.
#[derive(Debug)]
pub struct Staged {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl Staged {
    /// Opens a temporary file in the folder of `target`, so that the rename stays within one file system.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder does not exist or cannot be written to.
    pub fn create(target: impl AsRef<Path>) -> Result<Self> {
        let target = target.as_ref().to_path_buf();
        let mut builder = tempfile::Builder::new();
        builder.prefix(".writing-").suffix(".tmp");
        // A temporary file is private by default; this one becomes a user's file, with the permissions the umask gives.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(folder_of(&target)).map_err(Error::io("create", &target))?;
        Ok(Staged { temporary, target })
    }

    /// The file being written.
    pub fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// The name that the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Flushes the content to the disk, gives the file its final name in one step, and flushes the folder, so that after
    /// a power failure either the old file or the new one is there, whole.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full or the name is taken by a folder; the old file is then untouched.
    pub fn commit(self) -> Result<()> {
        let Staged { temporary, target } = self;
        temporary.as_file().sync_all().map_err(Error::io("write", &target))?;
        temporary.persist(&target).map_err(|e| Error::io("write", &target)(e.error))?;
        sync_folder(folder_of(&target)).map_err(Error::io("write", &target))
    }
}

/// Writes the file `path` through `write`, whole or not at all: beside its place, flushed, then renamed over what was
/// there.
///
/// # Errors
/// What `write` returns, or [`Error::Io`]; in both cases an earlier file of that name is untouched.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("note.txt");
/// warpweave::data::write_atomically(&path, |file| {
///     file.write_all(b"whole").map_err(warpweave::Error::io("write", &path))
/// })?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole");
/// # Ok::<(), warpweave::Error>(())
/// ```
pub fn write_atomically(path: impl AsRef<Path>, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let mut staged = Staged::create(path)?;
    write(staged.file())?;
    staged.commit()
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A rename is durable only when the folder is flushed too. Elsewhere than on Unix a folder cannot be opened as a file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { fs::metadata(folder).map(drop) }
}
