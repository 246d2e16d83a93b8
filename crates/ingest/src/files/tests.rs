use super::*;
use crate::testing::{Memory, Metrics, ORG, StoredPositions, id, records, sink, spread};
use ::files::{InputError, expand, read};
use model::{Activity, Channel, Kind, UserId};
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder of events of one org, and the stored positions.
struct Files {
    folder: TempDir,
    stored: Arc<StoredPositions>,
}

impl Files {
    /// Writes a file for each list of numbers; the files overlap in time.
    fn new(files: &[&[u32]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (index, numbers) in files.iter().enumerate() {
            let path = folder.path().join(format!("{index}.ndjson"));
            std::fs::write(path, records(numbers.iter().copied())).unwrap();
        }
        Self { folder, stored: Arc::default() }
    }

    fn paths(&self) -> Vec<PathBuf> {
        vec![self.folder.path().to_owned()]
    }

    fn source(&self, settings: FileSettings) -> FileSource {
        let settings = FileSettings { paths: self.paths(), org: Some(OrgId::new(ORG)), ..settings };
        FileSource::new(settings, Arc::clone(&self.stored) as Arc<dyn Positions>, Duration::from_secs(1))
    }

    async fn run(&self, memory: &Arc<Memory>, settings: FileSettings) {
        self.source(settings).run(&sink(memory), CancellationToken::new()).await.unwrap();
    }

    fn position(&self) -> serde_json::Value {
        self.stored.0.lock().unwrap().values().next().cloned().unwrap()
    }

    /// Returns the activities as a backtest reads them.
    fn in_order(&self) -> Vec<Activity> {
        let org = OrgId::new(ORG);
        let (inputs, _) =
            expand(&self.paths(), &salesforce::Context { org: Some(org.clone()), ..Default::default() }).unwrap();
        let mut activities = Vec::new();
        let take = |batch: &mut Batch| {
            activities.append(&mut batch.activities);
            Ok::<(), InputError>(())
        };
        read(&inputs, Some(&org), 1, take).unwrap();
        activities
    }
}

fn by_partition(sent: Vec<(u16, String)>) -> BTreeMap<u16, Vec<String>> {
    let mut partitions: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    sent.into_iter().for_each(|(partition, text)| partitions.entry(partition).or_default().push(text));
    partitions
}

fn end() -> FileSettings {
    FileSettings { end: true, ..FileSettings::default() }
}

#[tokio::test]
async fn each_partition_has_the_order_of_a_backtest_then_the_end() {
    let (even, odd): (Vec<u32>, Vec<u32>) = (0..1400).partition(|number| number % 2 == 0);
    let files = Files::new(&[&odd, &even, &[7, 1430]]);
    let memory = Arc::new(Memory::default());
    files.run(&memory, end()).await;

    let partition = |activity: &Activity| spread().of_activity(&activity.org_id, &activity.user_id);
    let mut expected = by_partition(files.in_order().iter().map(|a| (partition(a), a.id.to_string())).collect());
    assert_eq!(expected.len(), 3);
    expected.values_mut().for_each(|entries| entries.push(format!("end of {ORG}")));
    assert_eq!(by_partition(memory.sent()), expected);
}

#[tokio::test]
async fn the_end_reaches_partitions_without_activities() {
    let files = Files::new(&[&[1]]);
    let memory = Arc::new(Memory::default());
    files.run(&memory, end()).await;
    let partitions: Vec<u16> = memory.sent().iter().skip(1).map(|(partition, _)| *partition).collect();
    assert_eq!(partitions, spread().of_org(&OrgId::new(ORG)));
}

#[tokio::test]
async fn files_that_may_be_followed_end_in_a_watermark() {
    let files = Files::new(&[&[3, 61]]);
    let memory = Arc::new(Memory::default());
    files.run(&memory, FileSettings::default()).await;
    let mark = format!("{ORG} to 2026-03-02T01:01:00.000Z");
    assert_eq!(memory.texts(), [id(3), id(61), mark.clone(), mark.clone(), mark]);
}

/// Returns how many records of each outcome a run counts.
async fn counted(files: &Files, sink: &Sink) -> BTreeMap<String, u64> {
    let metrics = Metrics::default();
    let mut source = FileSource { meter: metrics.meter(), ..files.source(end()) };
    source.run(sink, CancellationToken::new()).await.unwrap();
    metrics.records()
}

#[tokio::test]
async fn activities_that_are_too_old_are_not_counted_as_accepted() {
    let sink = sink(&Arc::default()).with_limits(600, 96);
    let files = Files::new(&[&[1, 2]]);
    assert_eq!(counted(&files, &sink).await, BTreeMap::from([("accepted".to_owned(), 2)]));
    let at = Timestamp::parse("2026-03-08").unwrap();
    let later =
        Activity::new(model::Uuid::nil(), OrgId::new(ORG), UserId::new("user"), at, Channel::Stored, Kind::Login);
    sink.send(vec![later]).await.unwrap().await.unwrap();
    let files = Files::new(&[&[3, 4, 5]]);
    assert_eq!(counted(&files, &sink).await, BTreeMap::from([("too_old".to_owned(), 3)]));
    assert_eq!(files.position()["acknowledged"], 3, "they are published");
}

#[tokio::test]
async fn activities_that_are_dated_ahead_are_passed_and_not_counted_as_accepted() {
    let files = Files::new(&[&[1]]);
    std::fs::write(files.folder.path().join("1.ndjson"), records([2, 3]).replace("\"2026-", "\"2099-")).unwrap();
    let counts = counted(&files, &sink(&Arc::default())).await;
    assert_eq!(counts, BTreeMap::from([("accepted".to_owned(), 1), ("ahead".to_owned(), 2)]));
    assert_eq!(files.position()["acknowledged"], 3, "they are published");
}

#[tokio::test]
async fn only_the_requested_time_is_published() {
    let files = Files::new(&[&[1, 2, 3, 4]]);
    let minute = |number: i64| Timestamp::parse("2026-03-02").map(|day| day.plus(number * model::time::MINUTE));
    let memory = Arc::new(Memory::default());
    files.run(&memory, FileSettings { from: minute(2), to: minute(4), ..end() }).await;
    assert_eq!(memory.texts()[..2], [id(2), id(3)]);
    assert_eq!(memory.sent().len(), 2 + 3);
}

#[tokio::test]
async fn published_files_are_published_again_only_if_they_change() {
    let files = Files::new(&[&[1, 2]]);
    files.run(&Arc::default(), end()).await;
    assert_eq!(files.position()["acknowledged"], 2);
    let again = Arc::new(Memory::default());
    files.run(&again, end()).await;
    assert_eq!(again.texts(), [""; 0]);

    std::fs::write(files.folder.path().join("0.ndjson"), records([1, 2, 3])).unwrap();
    let changed = Arc::new(Memory::default());
    files.run(&changed, end()).await;
    assert_eq!(changed.texts()[..3], [id(1), id(2), id(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_continues_after_the_acknowledged_activities() {
    let numbers: Vec<u32> = (0..1400).collect();
    let files = Files::new(&[&numbers]);
    let memory = Arc::new(Memory::default());
    // The first batch goes to three partitions; nothing after it is acknowledged.
    memory.acknowledge_only(3);
    let shutdown = CancellationToken::new();
    let mut source = files.source(end());
    let outlet = sink(&memory);
    let stopping = async {
        while memory.sent().len() < 1400 {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(source.run(&outlet, shutdown.clone()), stopping);
    ended.unwrap();
    assert_eq!(files.position()["acknowledged"], 1024);
    assert_eq!(files.position()["ended"], false);

    let rest = Arc::new(Memory::default());
    files.run(&rest, end()).await;
    assert_eq!(rest.sent().len(), 1400 - 1024 + 3);
    let expected = files.in_order().split_off(1024).into_iter().map(|a| a.id.to_string());
    let mut sent: Vec<String> = rest.texts()[..1400 - 1024].to_vec();
    sent.sort();
    assert_eq!(sent, expected.collect::<Vec<_>>(), "ids are in order of time");
}

#[tokio::test]
async fn an_unreadable_file_is_named() {
    let files = Files::new(&[&[1]]);
    let settings = FileSettings { paths: vec!["/nowhere/events.csv".into()], ..FileSettings::default() };
    let mut source = FileSource::new(settings, Arc::clone(&files.stored) as Arc<dyn Positions>, Duration::ZERO);
    let error = source.run(&sink(&Arc::default()), CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/events.csv: cannot be read");
}

#[tokio::test]
async fn a_stopped_publisher_does_not_move_the_position() {
    let files = Files::new(&[&[1, 2]]);
    let memory = Arc::new(Memory::default());
    memory.acknowledge_nothing();
    memory.fail_unacknowledged();
    let error = files.source(end()).run(&sink(&memory), CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, SourceError::Publish(bus::PublishError::Stopped)), "{error:?}");
    assert_eq!(files.position()["acknowledged"], 0);
}

#[tokio::test]
async fn files_that_repeat_stored_events_as_rows_of_log_files_publish_each_once() {
    let files = Files::new(&[&[1, 2, 3]]);
    let rest = |number: u32| format!("\"2026-03-02T00:0{number}:00.000Z\",\"USER_ID\":\"a\"}}\n");
    let row = |number| format!("{{\"EVENT_TYPE\":\"API\",\"TIMESTAMP_DERIVED\":{}", rest(number));
    let stored = |number| {
        format!(
            "{{\"attributes\":{{\"type\":\"ApiEvent\"}},\"EventDate\":{}",
            rest(number).replace("USER_ID", "UserId")
        )
    };
    let write = |name, content: String| std::fs::write(files.folder.path().join(name), content).unwrap();
    write("a.ndjson", (1..4).map(row).collect());
    write("b.ndjson", (1..4).map(stored).collect());
    let memory = Arc::new(Memory::default());
    let counts = counted(&files, &sink(&memory)).await;
    assert_eq!((counts["accepted"], counts["outside"]), (6, 3), "{counts:?}");
}
