use super::*;
use std::io::Write;

const TEXT: &[u8] = b"one line of text, and another one that is a little longer";

fn gzip() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(TEXT).unwrap();
    encoder.finish().unwrap()
}

fn zstd() -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(TEXT, ruzstd::encoding::CompressionLevel::Fastest)
}

fn bzip2() -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(TEXT).unwrap();
    encoder.finish().unwrap()
}

fn skippable(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&[0x50, 0x2a, 0x4d, 0x18], &length[..], content].concat()
}

fn unpack(bytes: &[u8], packing: Packing) -> io::Result<Vec<u8>> {
    let mut unpacked_bytes = Vec::new();
    unpacked(bytes, packing, HTTP_WINDOW)?.read_to_end(&mut unpacked_bytes)?;
    Ok(unpacked_bytes)
}

#[test]
fn the_first_bytes_decide() {
    let check = |bytes: &[u8], expect: &[u8]| assert_eq!(unpack(bytes, Packing::Detect).unwrap(), expect);
    check(b"", b"");
    check(b"{}", b"{}");
    check(TEXT, TEXT);
    check(&gzip(), TEXT);
    check(&zstd(), TEXT);
    check(&bzip2(), TEXT);
    check(b"BZh", b"BZh");
}

#[test]
fn members_and_frames_follow_each_other() {
    let twice = [TEXT, TEXT].concat();
    assert_eq!(unpack(&[gzip(), gzip()].concat(), Packing::Gzip).unwrap(), twice);
    assert_eq!(unpack(&[zstd(), zstd()].concat(), Packing::Detect).unwrap(), twice);
    assert_eq!(unpack(&[bzip2(), bzip2()].concat(), Packing::Detect).unwrap(), twice);
    let with_skippable = [skippable(b"not content"), zstd(), skippable(b""), zstd()].concat();
    assert_eq!(unpack(&with_skippable, Packing::Zstd).unwrap(), twice);
}

#[test]
fn damage_is_an_error() {
    let check = |bytes: &[u8], packing| assert!(unpack(bytes, packing).is_err(), "{bytes:?}");
    let (gzip, zstd) = (gzip(), zstd());
    check(&gzip[..gzip.len() - 3], Packing::Detect);
    check(&zstd[..zstd.len() - 3], Packing::Detect);
    check(&bzip2()[..20], Packing::Detect);
    let mut wrong_checksum = bzip2();
    *wrong_checksum.last_mut().unwrap() ^= 0xff;
    check(&wrong_checksum, Packing::Detect);
    check(&[&zstd[..], b"more"].concat(), Packing::Detect);
    check(&skippable(b"cut off")[..10], Packing::Zstd);
    check(TEXT, Packing::Gzip);
    check(TEXT, Packing::Zstd);
}

#[test]
fn what_is_cut_off_gives_the_bytes_before_and_says_where() {
    // Random bytes, so that a cut in the middle loses a part of them.
    let text: Vec<u8> =
        (0..400_000_u64).flat_map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).to_le_bytes()).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&text).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&text).unwrap();
    let gzip_and_zstd = [encoder.finish().unwrap(), ruzstd::encoding::compress_to_vec(&text[..], level)];
    for packed in gzip_and_zstd.into_iter().chain([bzip2.finish().unwrap()]) {
        // Within the data; behind the data, in the checksum; in the second member or frame.
        for cut in [packed.len() / 2, packed.len() - 1, packed.len() + 5] {
            let bytes = [&packed[..], &packed[..]].concat();
            let mut given = Vec::new();
            let error =
                unpacked(&bytes[..cut], Packing::Detect, HTTP_WINDOW).unwrap().read_to_end(&mut given).unwrap_err();
            let broken = Break::of(&error).unwrap();
            assert!(broken.is_cut_off, "{error}");
            assert_eq!((broken.packed, broken.unpacked), (cut as u64, given.len() as u64));
            assert!(given.len() > text.len() / 4 && text.starts_with(&given), "{cut}: {}", given.len());
            assert_eq!(given.len() == text.len(), cut >= packed.len() - 1);
        }
    }
}

#[test]
fn wrong_checksums_are_found() {
    for mut packed in [gzip(), zstd()] {
        // The last bytes: gzip ends in its checksum and length, zstd in its checksum.
        let at = packed.len() - if packed.starts_with(&[0x1f]) { 8 } else { 4 };
        packed[at] ^= 1;
        let mut given = Vec::new();
        let error = unpacked(&packed[..], Packing::Detect, HTTP_WINDOW).unwrap().read_to_end(&mut given).unwrap_err();
        assert!(!Break::of(&error).unwrap().is_cut_off, "{error}");
        assert_eq!(given, TEXT);
    }
}

#[test]
fn what_is_damaged_late_gives_the_blocks_before() {
    let line = |number: u64| format!("{} is one of many lines\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let text: Vec<u8> = (0..20_000).flat_map(|number| line(number).into_bytes()).collect();
    let mut packed = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
    let blocks = blocks(&packed);
    let before = 128 * 1024 * (blocks.len() - 1);
    assert!(blocks.len() > 4 && text.len() > before);
    // The window holds all of the text. A block of the reserved type is damage, whatever it holds.
    packed[*blocks.last().unwrap()] |= 0b110;
    let mut given = Vec::new();
    let error = unpacked(&packed[..], Packing::Detect, HTTP_WINDOW).unwrap().read_to_end(&mut given).unwrap_err();
    let broken = Break::of(&error).unwrap();
    assert!(!broken.is_cut_off, "{error}");
    assert_eq!((given.len(), broken.unpacked), (before, before as u64));
    assert!(text.starts_with(&given));
}

/// Returns where the header of each block of a Zstandard frame begins (RFC 8878, 3.1.1).
fn blocks(frame: &[u8]) -> Vec<usize> {
    let descriptor = frame[4];
    let is_single = descriptor & 0x20 != 0;
    let content_size = [usize::from(is_single), 2, 4, 8][usize::from(descriptor >> 6)];
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let mut at = 5 + usize::from(!is_single) + dictionary + content_size;
    let mut blocks = Vec::new();
    loop {
        blocks.push(at);
        let header = u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], 0]);
        let is_run = header >> 1 & 3 == 1;
        at += 3 + if is_run { 1 } else { header as usize >> 3 };
        if header & 1 == 1 {
            return blocks;
        }
    }
}

#[test]
fn a_reader_that_fails_is_no_break() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no disk"))
        }
    }
    for packed in [gzip(), zstd()] {
        let half = Cursor::new(packed[..packed.len() / 2].to_vec()).chain(Fails);
        let error = unpacked(half, Packing::Detect, HTTP_WINDOW).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert!(Break::of(&error).is_none(), "{error}");
    }
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    // Magic, no single segment, and a window of 2^(10 + 21) bytes.
    let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    let error = unpack(&wide, Packing::Detect).unwrap_err().to_string();
    assert!(error.contains("window"), "{error}");
}
