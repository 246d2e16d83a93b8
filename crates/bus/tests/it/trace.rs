use crate::support::{item, publisher, server};
use bus::{Consumer, Delivery, Failure, Handler, SharedSettings, shared, subject};
use model::{Entry, Item};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;

const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECOND: &str = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01";

/// Records the trace in which it is called.
struct Traced(Vec<String>, CancellationToken);

impl Handler for Traced {
    type Item = Entry;

    async fn handle(&mut self, _: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        self.0.push(bus::trace::current().to_string());
        self.1.cancel();
        Ok(())
    }
}

#[tokio::test]
async fn one_item_continues_its_trace_and_many_are_linked() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (_nats, bus) = server().await;
    let traced = |number, traceparent: &str| Item { traceparent: traceparent.into(), ..item(number) };
    let publisher = publisher(&bus);
    let consumer = Consumer::correlator();
    let mut worked_in = Vec::new();
    for items in [vec![traced(1, FIRST)], vec![traced(2, FIRST), traced(3, SECOND), traced(4, FIRST)]] {
        publisher.send(subject::finding("orgwatch", 0), items).await.unwrap().await.unwrap();
        let mut handler = Traced(Vec::new(), CancellationToken::new());
        let shutdown = handler.1.clone();
        shared(&bus, &consumer, &mut handler, SharedSettings::default(), shutdown).await.unwrap();
        worked_in.extend(handler.0);
    }
    let spans = exporter.get_finished_spans().unwrap();
    let spans: Vec<_> = spans.iter().filter(|span| span.name == "process finding").collect();
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].span_context.trace_id().to_string(), FIRST[3..35]);
    assert_eq!(spans[0].parent_span_id.to_string(), FIRST[36..52]);
    assert_eq!(worked_in[0], format!("{}-{}-01", &FIRST[..35], spans[0].span_context.span_id()));
    let mut links: Vec<String> = spans[1].links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
    links.sort();
    assert_eq!(links, [&FIRST[3..35], &SECOND[3..35]]);
    let attribute =
        |name: &str| spans[1].attributes.iter().find(|pair| pair.key.as_str() == name).unwrap().value.to_string();
    assert_eq!(attribute("messaging.system"), "nats");
    assert_eq!(attribute("messaging.consumer.group.name"), "correlator");
    assert_eq!(attribute("messaging.batch.message_count"), "1");
}
