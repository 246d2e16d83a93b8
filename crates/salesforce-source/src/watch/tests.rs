use super::*;
use crate::testing::SentFindings;
use ingest::testing::{Memory, ORG, StoredCoverage, sink};
use model::time::MINUTE;

const NOON: i64 = 1_772_452_800_000;
const FIFTEEN: Duration = Duration::from_secs(900);
const LIST: Kind = Kind::ListView;

fn noon(minute: i64) -> Timestamp {
    Timestamp(NOON + minute * MINUTE)
}

#[test]
fn a_polled_channel_may_miss_two_answers() {
    let settings = ConnectedOrg::default();
    let seconds = |channel| patience(&settings, channel).as_secs();
    assert_eq!([Channel::Stream, Channel::Stored, Channel::LogFile].map(seconds), [900, 900, 2_700]);
}

fn status(coverage: &StoredCoverage, kind: Kind) -> Option<String> {
    let states = coverage.states.lock().unwrap();
    let state = states.iter().find(|state| state.kind == kind.as_str() && state.source == "stream");
    state.map(|state| state.state.clone())
}

fn revisions(findings: &SentFindings) -> Vec<(u64, String)> {
    findings.0.lock().unwrap().iter().map(|finding| (finding.revision, finding.finding_id.to_string())).collect()
}

/// The streams and tables of the test.
#[derive(Default)]
struct World {
    coverage: Arc<StoredCoverage>,
    memory: Arc<Memory>,
    findings: Arc<SentFindings>,
}

fn start(world: &World) -> (Watch, CancellationToken, tokio::task::JoinHandle<()>) {
    let watch = Watch::new(OrgId::new(ORG), Arc::clone(&world.coverage) as Arc<dyn Coverage>);
    let settings = ConnectedOrg { kinds: Some(vec![LIST]), ..ConnectedOrg::default() };
    let findings = Arc::clone(&world.findings) as Arc<dyn Findings>;
    let outputs = Outputs { sink: sink(&world.memory), findings, settings: settings.into() };
    let shutdown = CancellationToken::new();
    let running = watch.clone().run(outputs, PERIOD, shutdown.clone());
    (watch, shutdown, tokio::spawn(async move { running.await.unwrap() }))
}

#[tokio::test(start_paused = true)]
async fn blindness_is_published_and_stored_across_a_restart() {
    let world = World::default();
    let World { coverage, memory, findings } = &world;
    let (watch, shutdown, running) = start(&world);
    watch.led(LIST, Some(Channel::Stream));
    watch.heard(Channel::Stream, &[LIST], noon(0));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(status(coverage, LIST).as_deref(), Some("leading"));
    coverage.is_away.store(true, Ordering::Relaxed);
    tokio::time::sleep(FIFTEEN).await;
    // The org has three partitions.
    assert_eq!(memory.texts(), vec![format!("{ORG} blind to list_view"); 3]);
    assert_eq!(status(coverage, LIST).as_deref(), Some("leading"), "not stored yet");
    coverage.is_away.store(false, Ordering::Relaxed);
    tokio::time::sleep(PERIOD).await;
    assert_eq!(status(coverage, LIST).as_deref(), Some("blind"));
    shutdown.cancel();
    running.await.unwrap();

    let (watch, shutdown, running) = start(&world);
    tokio::time::sleep(FIFTEEN * 2).await;
    assert_eq!(revisions(findings).len(), 1);
    watch.led(LIST, Some(Channel::Stream));
    watch.heard(Channel::Stream, &[LIST], noon(20));
    tokio::time::sleep(PERIOD).await;
    let expect = [(1, revisions(findings)[0].1.clone()), (2, revisions(findings)[0].1.clone())];
    assert_eq!(revisions(findings), expect);
    assert_eq!(memory.texts()[3..], vec![format!("{ORG} sees list_view"); 3]);

    let gap =
        NewGap { source: "stream".into(), kind: "list_view".into(), from: noon(0), to: noon(9), reason: String::new() };
    watch.open_gap(gap).await.unwrap();
    tokio::time::sleep(PERIOD).await;
    watch.close_gap(&coverage.all_gaps()[0], "0 events").await.unwrap();
    watch.heard(Channel::Stream, &[LIST], noon(21));
    tokio::time::sleep(PERIOD).await;
    assert_eq!(revisions(findings).iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [1, 2, 1, 2]);
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(status(coverage, LIST).as_deref(), Some("leading"));
}
