//! The file that leads a browser to the page: so that the token stands in no list of processes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that only its owner can read. It goes when this does.
#[derive(Debug)]
pub(crate) struct Launch {
    file: NamedTempFile,
}

impl Launch {
    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn new(address: &str) -> io::Result<Launch> {
        // Where only this user looks, if there is such a place.
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|d| d.is_dir());
        let mut builder = tempfile::Builder::new();
        builder.prefix("waitline-").suffix(".html");
        let made = own.and_then(|dir| builder.tempfile_in(dir).ok());
        let mut file = match made {
            Some(file) => file,
            None => builder.tempfile()?,
        };
        write(file.as_file_mut(), address)?;
        Ok(Launch { file })
    }

    /// Leads somewhere else from now on.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn renew(&mut self, address: &str) -> io::Result<()> {
        use std::io::Seek;
        // Whoever opens it meanwhile finds the old one or the new one, whole.
        let path = self.path().to_owned();
        let mut new = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        write(new.as_file_mut(), address)?;
        if new.persist(&path).is_ok() {
            return Ok(());
        }
        // Where a file that is open cannot be replaced.
        let file = self.file.as_file_mut();
        file.rewind()?;
        write(file, address)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

/// The address holds nothing that means anything in HTML: see `Host::address`.
fn write(file: &mut std::fs::File, address: &str) -> io::Result<()> {
    let address = address.replace('&', "&amp;");
    let page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\">\n<title>Waitline</title>\n\
         <p><a href=\"{address}\">Open the timeline</a></p>\n"
    );
    file.set_len(0)?;
    file.write_all(page.as_bytes())?;
    file.flush()
}
