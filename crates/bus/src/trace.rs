//! W3C trace context, to and from the `traceparent` of items and messages.

use model::Text;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Returns the `traceparent` of the current span; empty where nothing is traced.
pub fn current() -> Text {
    traceparent(tracing::Span::current().context().span().span_context())
}

/// Returns a context with the span of a `traceparent` as the parent of new spans; an empty context if it is not valid.
pub fn context_of(traceparent: &str) -> Context {
    parse(traceparent).map_or_else(Context::new, |context| Context::new().with_remote_span_context(context))
}

/// Links the span to that of a `traceparent`. Does nothing if it is not valid.
pub fn link(span: &tracing::Span, traceparent: &str) {
    if let Some(context) = parse(traceparent) {
        span.add_link(context);
    }
}

/// Makes the span, which must not have been entered, a child of that of a `traceparent`. Does nothing if it is not
/// valid.
pub fn parent(span: &tracing::Span, traceparent: &str) {
    if parse(traceparent).is_none() {
        return;
    }
    if let Err(error) = span.set_parent(context_of(traceparent)) {
        // Tracing is off, or this span is filtered out. Neither is a failure.
        tracing::trace!(%error, "span has no parent");
    }
}

/// Returns whether a `traceparent` is valid, and short enough for a header.
pub(crate) fn is_whole(traceparent: &str) -> bool {
    parse(traceparent).is_some()
}

fn traceparent(context: &SpanContext) -> Text {
    if !context.is_valid() {
        return Text::default();
    }
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    Text::from(format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
}

/// Parses `00-<32 hex>-<16 hex>-<2 hex>`. Later versions may have more fields (W3C Trace Context, section 3.2).
fn parse(traceparent: &str) -> Option<SpanContext> {
    /// A choice: a `traceparent` of version 00 has 55 bytes.
    const LONGEST: usize = 128;
    if traceparent.len() > LONGEST {
        return None;
    }
    let mut fields = traceparent.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let lengths = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
    let whole = version == "00" && fields.next().is_none() || version != "00" && version != "ff";
    if !lengths || !whole || traceparent.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_as_written() {
        assert_eq!(traceparent(context_of(WHOLE).span().span_context()), WHOLE);
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let none = ["", "00", "00-0-0-01", &WHOLE.to_uppercase(), &format!("{WHOLE}-00"), &WHOLE.replace('a', "0g")];
        for text in none {
            assert!(!context_of(text).span().span_context().is_valid(), "{text}");
        }
        assert_eq!(current(), "");
    }
}
