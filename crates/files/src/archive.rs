//! Archives: zip and tar. Finds their members, in bounded memory and time whatever they hold.

mod tar;
mod visit;
mod zip;

pub use rawzip::ReaderAt;
pub use visit::{Found, Source, visit};

pub(crate) use self::tar::{Entry, walk};
pub(crate) use self::zip::{Zipped, list};
pub(crate) use visit::MAX_DEPTH;

/// The kinds of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Members that are packed one by one, and listed at the end.
    Zip,
    /// Members one after the other.
    Tar,
}

/// Why a member of an archive, or an archive, is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// It needs a password.
    #[error("encrypted: unpack it")]
    Encrypted,
    /// It is packed by a method that is not known.
    #[error("packed by the method {0}, which is not read: unpack it")]
    Method(String),
    /// It is a sparse file of a tar.
    #[error("a sparse file, which is not read: unpack it")]
    Sparse,
    /// It is an archive in an archive in an archive.
    #[error("an archive within an archive within an archive: unpack it")]
    Nested,
    /// It is one of too many archives in an archive, or too large for one.
    #[error("one of too many archives within an archive, or a large one: unpack it")]
    NestedBeyond,
    /// The archive has more members than [`MAX_MEMBERS`].
    #[error("more than {MAX_MEMBERS} members: the rest is not read")]
    TooMany,
    /// It lies where another member lies.
    #[error("shares its bytes with another member: the zip is damaged")]
    Overlaps,
    /// It is a zip of which the end is missing. Its members are read up to this byte.
    #[error(
        "the zip is cut off: its members are read up to byte {0}, and the list of them, which is its end, is missing"
    )]
    NoList(u64),
    /// It is a zip that an office program wrote.
    #[error("an office document, such as an Excel workbook: save it as CSV")]
    Office,
    /// It cannot be read.
    #[error("the {0} is damaged: {1}")]
    Damaged(&'static str, String),
}

/// Most members of an archive. A choice: an org has some thousand log files in a month.
pub const MAX_MEMBERS: usize = 10_000;
/// Bytes by which an archive is recognized: the header of a tar.
pub const HEADER: usize = 512;
/// Longest name that is kept, in characters. A choice.
const LONGEST_NAME: usize = 255;

/// Returns the kind of the archive that starts with `head`, of which [`HEADER`] bytes are enough.
pub fn kind(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(Kind::Zip);
    }
    tar::is_header(head.get(..HEADER)?).then_some(Kind::Tar)
}

/// Returns a member's name as text; `None` if it is hidden, as what macOS adds.
fn shown(name: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(name).replace('\\', "/");
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.iter().any(|part| part.starts_with('.') || *part == "__MACOSX") {
        return None;
    }
    Some(parts.join("/").chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_members_have_no_name() {
        let check = |name: &str, expect: Option<&str>| assert_eq!(shown(name.as_bytes()).as_deref(), expect, "{name}");
        check("./logs/Login.csv", Some("logs/Login.csv"));
        check("/logs\\Login.csv", Some("logs/Login.csv"));
        check("__MACOSX/._Login.csv", None);
        check("logs/.DS_Store", None);
        check("../Login.csv", None);
        check("a\nb", Some("a b"));
        assert_eq!(shown("é".repeat(300).as_bytes()).unwrap().chars().count(), LONGEST_NAME);
    }
}
