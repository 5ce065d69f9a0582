//! Files and folders that are whole or absent, whenever the process dies.

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

    /// Lets `write` fill the file by its name, which it may replace with a file of its own.
    ///
    /// # Errors
    /// What `write` returns, or [`Error::Io`].
    pub fn write_by_name(&self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let path = self.temporary.path();
        let permissions = fs::metadata(path).map_err(Error::io("read", path))?.permissions();
        write(path)?;
        fs::set_permissions(path, permissions).map_err(Error::io("write", path))
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
        // By name, since the file may have been replaced.
        File::options()
            .write(true)
            .open(temporary.path())
            .and_then(|file| file.sync_all())
            .map_err(Error::io("write", &target))?;
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
/// warpweave::file::write_atomically(&path, |file| {
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

/// Makes the folder `path` through `write`, whole or not at all: `write` fills a folder beside it, which then gets its name.
///
/// # Errors
/// What `write` returns, or [`Error::Io`]: also when `path` exists and is not empty, since a folder cannot be replaced in
/// one step.
pub fn write_folder(path: impl AsRef<Path>, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let path = path.as_ref();
    let parent = folder_of(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let temporary = builder.tempdir_in(parent).map_err(Error::io("create a folder in", parent))?;
    write(temporary.path())?;
    for entry in fs::read_dir(temporary.path()).map_err(Error::io("read", path))? {
        let file = entry.map_err(Error::io("read", path))?.path();
        File::options().write(true).open(&file).and_then(|file| file.sync_all()).map_err(Error::io("write", path))?;
    }
    sync_folder(temporary.path()).map_err(Error::io("write", path))?;
    fs::rename(temporary.path(), path).map_err(Error::io("write", path))?;
    // It has its new name: there is nothing left to remove.
    let _ = temporary.keep();
    sync_folder(parent).map_err(Error::io("write", path))
}

/// Removes a folder that others may be looking at: it loses its name in one step.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_folder(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let unnamed = tempfile::Builder::new()
        .prefix(".removing-")
        .suffix(".tmp")
        .tempdir_in(folder_of(path))
        .map_err(Error::io("remove", path))?;
    // Renamed onto an empty folder, it takes its place.
    fs::rename(path, unnamed.path()).map_err(Error::io("remove", path))?;
    unnamed.close().map_err(Error::io("remove", path))
}

/// Removes what a process that was killed has left in `folder`: files and folders half-written or half-removed.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_leftovers(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if (name.starts_with(".writing-") || name.starts_with(".removing-")) && name.ends_with(".tmp") {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
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
