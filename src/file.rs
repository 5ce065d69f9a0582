//! Files are written beside their place and renamed into it, so that a reader finds the old one or the new one, whole.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// Lets `write` fill a temporary file beside `path`, brings it to the disk, and renames it to `path`. Whatever goes wrong
/// before that, an old file at `path` stays as it was and the temporary one is removed.
pub fn write_beside(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = parent(path);
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().display());
    let temporary = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .make_in(folder, |path| File::create_new(path))
        .map_err(Error::io("create a file in", folder))?;
    write(temporary.path())?;
    // `write` may have replaced the file behind the handle, so that it is opened again to be synced.
    File::open(temporary.path()).and_then(|file| file.sync_all()).map_err(Error::io("write", path))?;
    temporary.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
    sync_folder(folder)
}

/// The same for a folder: `write` fills a temporary one, which takes the place of `path`.
///
/// A folder cannot be replaced in one step, so `path` must not exist.
pub fn write_folder_beside(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = parent(path);
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().display());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        // What the user's umask leaves of it, as for any other folder; temporary ones are private by default.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    let temporary = builder.tempdir_in(parent).map_err(Error::io("create a folder in", parent))?;
    write(temporary.path())?;
    sync_folder(temporary.path())?;
    std::fs::rename(temporary.path(), path).map_err(Error::io("write", path))?;
    // It has a new name: there is nothing left to remove.
    let _ = temporary.keep();
    sync_folder(parent)
}

/// The folder that `path` lies in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Brings a rename to the disk.
fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder))?;
    }
    Ok(())
}
