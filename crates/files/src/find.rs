//! Finds files of events: in folders, in standard input, and in archives.

use crate::archive::{self, Kind, LeftOut};
use crate::errors::{InputError, MOST_LISTED, SkipReason, Skipped};
use crate::open::{Input, look_at, read_head};
use crate::place::{Base, Part, Place, Spooled};
use crate::stdin::Kept;
use crate::unpack::{self, Break, FILE_WINDOW, Packing};
use rawzip::{FileReader, ReaderAt};
use salesforce::Context;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Finds the files of events in `paths`: files, folders, or `-` for standard input. A file that holds no events is left
/// out. A member of an archive is a file of its own. `given` is what records may not say.
///
/// # Errors
/// If a path cannot be read, or nothing is left to read.
pub fn expand(paths: &[PathBuf], given: &Context) -> Result<(Vec<Input>, Vec<Skipped>), InputError> {
    let mut finder = Finder { given, is_named: true, nested: 0, inputs: Vec::new(), skipped: Vec::new() };
    for path in paths {
        finder.is_named = !path.is_dir();
        let found = if finder.is_named { vec![path.clone()] } else { files_below(path)? };
        for file in found {
            finder.nested = 0;
            if file.as_os_str() == "-" { finder.see_stdin()? } else { finder.see_file(file)? }
        }
    }
    let Finder { mut inputs, skipped, .. } = finder;
    if inputs.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).take(MOST_LISTED).collect();
        return Err(InputError::NoEvents { paths: names.join(", "), skipped });
    }
    inputs.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.name.cmp(&b.name)));
    Ok((inputs, skipped))
}

/// Most archives within one archive. A choice: each is a temporary file that stays open.
const MAX_NESTED: usize = 100;

/// Gathers what is found.
struct Finder<'a> {
    given: &'a Context,
    /// Whether the caller named what is looked at.
    is_named: bool,
    /// How many archives were found in the archive that is looked at.
    nested: usize,
    inputs: Vec<Input>,
    skipped: Vec<Skipped>,
}

/// Bytes to look at.
struct Candidate {
    /// The path; behind it the names in archives.
    name: PathBuf,
    /// The file on disk.
    path: Option<PathBuf>,
    place: Place,
    bytes: u64,
    /// How many archives are around it.
    depth: usize,
}

impl Finder<'_> {
    fn see_file(&mut self, path: PathBuf) -> Result<(), InputError> {
        let bytes = std::fs::metadata(&path).map_err(|source| cannot_read(&path, source))?.len();
        let place = Place { base: Base::File(path.clone()), part: None };
        self.see(Candidate { name: path.clone(), path: Some(path), place, bytes, depth: 0 })
    }

    fn see_stdin(&mut self) -> Result<(), InputError> {
        let name = PathBuf::from("-");
        let read = |source| cannot_read(&name, source);
        // It may have to be read again, when it is known which orgs its records name and which channels they came by.
        let kept = Arc::new(Kept::new(io::stdin()).map_err(read)?);
        let mut head = Vec::new();
        read_head(&mut Kept::reader(&kept), &mut head).map_err(read)?;
        let unpacked = unpack::unpacked(Cursor::new(head), Packing::Detect, FILE_WINDOW).map_err(read)?;
        let place = Place { base: Base::Stdin(kept), part: None };
        self.see_unpacked(Candidate { name, path: None, place, bytes: 0, depth: 0 }, unpacked)
    }

    fn see(&mut self, candidate: Candidate) -> Result<(), InputError> {
        match candidate.place.open(&Arc::default()) {
            Ok(unpacked) => self.see_unpacked(candidate, unpacked),
            // A member of an archive may be broken at its first byte.
            Err(source) if Break::of(&source).is_some() => {
                self.skip(candidate.name, SkipReason::Broken(source.to_string()));
                Ok(())
            }
            Err(source) => Err(cannot_read(&candidate.name, source)),
        }
    }

    /// Looks at the first bytes, unpacked.
    fn see_unpacked(&mut self, candidate: Candidate, mut unpacked: Box<dyn Read + Send>) -> Result<(), InputError> {
        let mut head = Vec::new();
        let whole = read_head(&mut unpacked, &mut head);
        drop(unpacked);
        if let Some(kind) = archive::kind(&head) {
            return self.see_archive(&candidate, kind);
        }
        let mut context = self.given.clone();
        if candidate.path.is_some() || candidate.depth > 0 {
            context.types = context.types.with_file(&candidate.name.to_string_lossy());
        }
        let Candidate { name, path, place, bytes, .. } = candidate;
        match look_at(&head, whole, context) {
            Ok(look) => self.inputs.push(look.into_input(name, path, place, bytes, self.is_named)),
            Err(reason) => self.skip(name, reason),
        }
        Ok(())
    }

    fn see_archive(&mut self, archive: &Candidate, kind: Kind) -> Result<(), InputError> {
        if archive.depth == archive::MAX_DEPTH {
            self.skip(archive.name.clone(), LeftOut::Nested);
            return Ok(());
        }
        if archive.depth > 0 {
            self.nested += 1;
            if self.nested > MAX_NESTED {
                self.skip(archive.name.clone(), LeftOut::NestedBeyond);
                return Ok(());
            }
        }
        let members = match kind {
            Kind::Zip => self.zipped(archive),
            Kind::Tar => self.in_tar(archive),
        };
        for (member, base, part) in members.map_err(|source| cannot_read(&archive.name, source))? {
            let name = archive.name.join(member);
            let bytes = part.range.end.saturating_sub(part.range.start);
            let place = Place { base, part: Some(part) };
            self.see(Candidate { name, path: archive.path.clone(), place, bytes, depth: archive.depth + 1 })?;
        }
        Ok(())
    }

    /// Lists the members of a zip. One that is packed itself, or a member, is unpacked to a temporary file.
    fn zipped(&mut self, archive: &Candidate) -> io::Result<Vec<(String, Base, Part)>> {
        let (base, copied, listing) = match plain_file(archive, Kind::Zip)? {
            Some(file) => {
                let length = file.metadata()?.len();
                (archive.place.base.clone(), Ok(0), archive::list(&FileReader::from(file), length))
            }
            None => {
                let (spooled, copied) = Spooled::of(&archive.place, |reader| io::copy(reader, &mut io::sink()))?;
                let listing = archive::list(&spooled as &dyn ReaderAt, spooled.length);
                (Base::Spooled(Arc::new(spooled)), copied, listing)
            }
        };
        let is_whole = copied.is_ok();
        if let Err(error) = copied {
            self.skip(archive.name.clone(), SkipReason::Broken(error.to_string()));
        }
        let listing = match listing {
            Ok(listing) => listing,
            Err(reason) => {
                self.skip(archive.name.clone(), reason);
                return Ok(Vec::new());
            }
        };
        if let Some(at) = listing.cut_off.filter(|_| is_whole) {
            self.skip(archive.name.clone(), LeftOut::NoList(at));
        }
        self.skip_members(archive, listing.left_out);
        let place = |(name, range, zipped)| (name, base.clone(), Part { range, zipped: Some(zipped) });
        Ok(listing.members.into_iter().map(place).collect())
    }

    /// Lists the members of a tar. One that is packed, or a member, is unpacked to a temporary file on the way.
    fn in_tar(&mut self, archive: &Candidate) -> io::Result<Vec<(String, Base, Part)>> {
        let (mut members, mut left_out): (Vec<(String, Range<u64>)>, _) = (Vec::new(), Vec::new());
        let mut each = |name: String, found: Result<archive::Entry<'_>, LeftOut>| {
            match found {
                Ok(entry) => members.push((name, entry.offset..entry.offset + entry.length)),
                Err(reason) => left_out.push((name, reason)),
            }
            Ok::<(), io::Error>(())
        };
        let (base, walked) = match plain_file(archive, Kind::Tar)? {
            Some(file) => (archive.place.base.clone(), archive::walk(io::BufReader::new(file), &mut each)),
            None => {
                let (spooled, walked) = Spooled::of(&archive.place, |reader| archive::walk(reader, &mut each))?;
                (Base::Spooled(Arc::new(spooled)), walked)
            }
        };
        // Where it breaks off, the members before are read.
        if let Err(error) = walked {
            self.skip(archive.name.clone(), SkipReason::Broken(error.to_string()));
        }
        self.skip_members(archive, left_out);
        Ok(members.into_iter().map(|(name, range)| (name, base.clone(), Part { range, zipped: None })).collect())
    }

    fn skip_members(&mut self, archive: &Candidate, left_out: Vec<(String, LeftOut)>) {
        for (member, reason) in left_out {
            let is_archive = member.is_empty();
            let name = if is_archive { archive.name.clone() } else { archive.name.join(member) };
            self.skip(name, reason);
        }
    }

    fn skip(&mut self, path: PathBuf, reason: impl Into<SkipReason>) {
        self.skipped.push(Skipped { path, reason: reason.into() });
    }
}

/// Opens an archive that lies in a file as it is.
fn plain_file(archive: &Candidate, kind: Kind) -> io::Result<Option<File>> {
    let (Base::File(path), None) = (&archive.place.base, &archive.place.part) else { return Ok(None) };
    let mut head = Vec::new();
    File::open(path)?.take(archive::HEADER as u64).read_to_end(&mut head)?;
    if archive::kind(&head) == Some(kind) { File::open(path).map(Some) } else { Ok(None) }
}

/// Returns the files below a folder, sorted by path, without hidden ones.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let read = |source| cannot_read(folder, source);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

fn cannot_read(path: &Path, source: io::Error) -> InputError {
    InputError::Read { path: path.into(), source }
}
