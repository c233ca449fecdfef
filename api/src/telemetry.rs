//! Logs to standard error, and traces to an OpenTelemetry collector where OTLP_ENDPOINT names one. Of a request a trace
//! knows what its log line knows: never a prompt, a token, an address or a path.
use std::collections::HashMap;
use std::io::IsTerminal;

use actix_web::http::header::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{FilterExt, LevelFilter, dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::app::StartError;
use crate::config::{LogFormat, Settings};

/// Target of spans that only traces show: a log line names its request or run, not a part of it.
pub const PHASE: &str = "lapidary::phase";

/// Lives as long as the process says anything.
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Once a process.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let filter = EnvFilter::try_new(&settings.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
        // Without a hint of its own the second would open every line of every crate to question.
        let not_phase = filter_fn(|about| about.target() != PHASE).with_max_level_hint(LevelFilter::TRACE);
        let filter = filter.and(not_phase);
        let logs = fmt::layer().with_writer(std::io::stderr);
        let logs = match settings.log_format {
            // The innermost span has the request's id: every line under it carries that.
            LogFormat::Json => logs.json().with_span_list(false).with_filter(filter).boxed(),
            LogFormat::Pretty => {
                logs.with_target(false).with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
            }
        };
        let traces = settings.otlp_endpoint.as_ref().map(provider).transpose()?;
        let spans = traces.as_ref().map(|traces| {
            tracing_opentelemetry::layer()
                .with_tracer(traces.tracer("lapidary"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                // Asked anew each time: a remembered "yes" falls to what `enabled!` asked about another crate's line.
                .with_filter(dynamic_filter_fn(|about, _| is_ours(about)).with_max_level_hint(LevelFilter::INFO))
        });
        tracing_subscriber::registry().with(logs).with(spans).init();
        Ok(Self { traces })
    }

    /// Sends what is not sent yet.
    pub fn end(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// What other crates say of their insides is nobody's business outside; and a line may quote what a vendor said.
fn is_ours(about: &Metadata<'_>) -> bool {
    about.is_span() && *about.level() <= Level::INFO && about.target().starts_with("lapidary")
}

fn provider(endpoint: &url::Url) -> Result<SdkTracerProvider, StartError> {
    let wrong = |error: &dyn std::fmt::Display| StartError::Other(format!("OTLP_ENDPOINT: {error}"));
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .build()
        .map_err(|error| wrong(&error))?;
    let resource = Resource::builder().with_service_name("lapidary").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// A caller that traces (W3C traceparent) finds this span in its own trace.
pub fn follow_caller(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        // Without a collector there is nothing to set it on.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
}

/// What a run needs to be in the trace of its request: this span, or the caller's where this process does not trace.
pub fn traceparent(headers: &HeaderMap) -> Option<String> {
    let here = Span::current().context();
    let context = if here.span().span_context().is_valid() {
        here
    } else if headers.contains_key("traceparent") {
        TraceContextPropagator::new().extract(&Headers(headers))
    } else {
        return None;
    };
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove("traceparent").filter(|text| !text.is_empty())
}

/// The span goes on with what [`traceparent`] gave, in this process or another.
pub fn go_on(span: &Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent {
        let carrier = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
        let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
