use super::*;
use crate::expand;
use std::io::Write;

#[test]
fn the_order_of_a_file_is_recognized() {
    let times = |minutes: &[i64]| minutes.iter().map(|m| Timestamp(m * model::time::MINUTE)).collect::<Vec<_>>();
    assert_eq!(order_of(&times(&[1, 3, 2, 9, 8])), TimeOrder::OldestFirst);
    assert_eq!(order_of(&times(&[90, 60, 61, 30])), TimeOrder::NewestFirst);
    assert_eq!(order_of(&times(&[90, 30, 60])), TimeOrder::Mixed);
    assert_eq!(order_of(&[]), TimeOrder::OldestFirst);
}

const ORG: &str = "00Dhn0000018hrcMAU";

fn line(number: u32) -> String {
    format!(
        "{{\"attributes\":{{\"type\":\"ListViewEvent\"}},\"EventIdentifier\":\"7d0c2b1e-4f6a-4c1e-9a70-{number:012}\",\
         \"EventDate\":\"2026-03-02T10:{:02}:00.000Z\",\"UserId\":\"005hn00000EmmaMAAU\",\"RowsProcessed\":1}}\n",
        number % 60,
    )
}

fn zstd(text: &str) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Returns how many activities a file gives, and its rejects as lines and reasons.
fn read(bytes: &[u8]) -> (usize, Vec<(u64, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    std::fs::write(&path, bytes).unwrap();
    let org = OrgId::new(ORG);
    let (inputs, _) = expand(&[path], &Context { org: Some(org.clone()), ..Context::default() }).unwrap();
    let (mut activities, mut rejects) = (0, Vec::new());
    crate::read::<InputError>(&inputs, Some(&org), 1, |batch| {
        activities += batch.activities.len();
        rejects.extend(batch.rejects.iter().map(|(_, reject)| (reject.line, reject.reason.to_string())));
        Ok(())
    })
    .unwrap();
    (activities, rejects)
}

#[test]
fn files_have_one_channel_if_all_of_them_was_looked_at_or_they_are_plain_tables() {
    let row = |n: u32| format!("API,2026-03-02T10:{:02}:00.000Z,005hn00000EmmaMAAU,r{n}\n", n % 60);
    let table = |rows: u32| {
        "EVENT_TYPE,TIMESTAMP_DERIVED,USER_ID_DERIVED,REQUEST_ID\n".to_owned() + &(0..rows).map(row).collect::<String>()
    };
    let lines = |count: u32| (0..count).map(line).collect::<String>();
    let wrapped = |rows: u32| {
        let row = |n: u32| format!("{n},\"{}\"\n", line(n).trim_end().replace('"', "\"\""));
        "number,_raw\n".to_owned() + &(0..rows).map(row).collect::<String>()
    };
    let check = |files: &[String], expect: bool| {
        let folder = tempfile::tempdir().unwrap();
        for (number, text) in files.iter().enumerate() {
            std::fs::write(folder.path().join(number.to_string()), text).unwrap();
        }
        let given = Context { org: Some(OrgId::new(ORG)), ..Context::default() };
        let (inputs, _) = expand(&[folder.path().to_owned()], &given).unwrap();
        assert_eq!((inputs.len(), Input::have_one_channel(&inputs)), (files.len(), expect));
    };
    check(&[lines(3)], true);
    check(&[lines(3), lines(9)], true);
    check(&[table(9), table(20_000)], true);
    check(&[lines(3), table(3)], false);
    // Further on they may have records of another channel.
    check(&[lines(5_000)], false);
    check(&[wrapped(3)], true);
    check(&[wrapped(5_000)], false);
}

#[test]
fn all_frames_of_a_packed_file_are_read() {
    assert_eq!(read(&[zstd(&line(1)), zstd(&line(2))].concat()), (2, vec![]));
}

#[test]
fn a_named_file_that_is_cut_off_gives_the_records_before_and_says_where() {
    let text: String = (0..2_000).map(line).collect();
    for packed in [gzip(&text), zstd(&text)] {
        let cut = packed.len() / 2;
        let (activities, rejects) = read(&packed[..cut]);
        let [(line, reason)] = rejects.as_slice() else { panic!("{rejects:?}") };
        assert!(activities > 200 && *line == activities as u64 + 1, "{activities} activities, line {line}");
        let expected = format!("cannot read the rest of the file: the packed bytes are cut off at byte {cut}, after ");
        assert!(reason.starts_with(&expected) && reason.ends_with(" unpacked bytes"), "{reason}");
    }
}

#[test]
fn a_wrong_checksum_is_set_aside_behind_the_records() {
    let mut packed = zstd(&line(1));
    *packed.last_mut().unwrap() ^= 1;
    let (activities, rejects) = read(&packed);
    assert_eq!(activities, 1);
    assert!(
        rejects.len() == 1 && rejects[0].1.contains("are damaged (the checksum of a zstd frame is wrong) at byte"),
        "{rejects:?}"
    );
}

#[test]
fn a_batch_holds_the_rejects_of_few_chunks() {
    let text = line(1) + &"{}\n".repeat(2_000_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    std::fs::write(&path, text).unwrap();
    let (inputs, _) = expand(&[path], &Context::default()).unwrap();
    let (mut most, mut all) = (0, 0);
    crate::read::<InputError>(&inputs, None, 1, |batch| {
        most = most.max(batch.rejects.len());
        all += batch.rejects.len();
        Ok(())
    })
    .unwrap();
    assert_eq!(all, 2_000_001, "the event names no org");
    assert!(most < 400_000, "{most}");
}
