//! W3C trace context, from and to the `traceparent` that items and messages carry.

use model::Text;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// `traceparent` of the current span; empty where nothing is traced.
pub fn current() -> Text {
    traceparent(tracing::Span::current().context().span().span_context())
}

/// What a `traceparent` says as the parent of spans to come; the empty context when it says nothing.
pub fn context_of(traceparent: &str) -> Context {
    parse(traceparent).map_or_else(Context::new, |context| Context::new().with_remote_span_context(context))
}

/// Says that the span comes from this one too.
pub fn link(span: &tracing::Span, traceparent: &str) {
    if let Some(context) = parse(traceparent) {
        span.add_link(context);
    }
}

/// Makes the span, which must not have been entered, a part of the trace.
pub fn parent(span: &tracing::Span, traceparent: &str) {
    if parse(traceparent).is_none() {
        return;
    }
    if let Err(error) = span.set_parent(context_of(traceparent)) {
        // Nothing is traced, or this span is filtered out: neither is a failure.
        tracing::trace!(%error, "span has no parent");
    }
}

/// It says something, in no more bytes than a header may take.
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

/// `00-<32 hex>-<16 hex>-<2 hex>`; later versions may have more fields.
fn parse(traceparent: &str) -> Option<SpanContext> {
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
    fn what_was_written_is_read() {
        assert_eq!(traceparent(context_of(WHOLE).span().span_context()), WHOLE);
    }

    #[test]
    fn what_is_none_is_ignored() {
        let none = ["", "00", "00-0-0-01", &WHOLE.to_uppercase(), &format!("{WHOLE}-00"), &WHOLE.replace('a', "0g")];
        for text in none {
            assert!(!context_of(text).span().span_context().is_valid(), "{text}");
        }
        assert_eq!(current(), "");
    }
}
