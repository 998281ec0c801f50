//! Own logs to standard error, and own traces to whoever the settings name.
//!
//! Nothing is sent anywhere unless an endpoint is set.

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{LogFormat, TelemetrySettings};

/// Keeps the exporter alive; [`Telemetry::stop`] sends what is left.
#[derive(Debug)]
pub(crate) struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Installs the process's logger and tracer. To be called once, inside a runtime.
    pub(crate) fn start(settings: &TelemetrySettings) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(&settings.log_filter)
            .with_context(|| format!("`telemetry.log_filter` is {:?}", settings.log_filter))?;
        let traces = match settings.otlp_endpoint.as_str() {
            "" => None,
            endpoint => Some(provider(endpoint)?),
        };
        let exported = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer().with_tracer(provider.tracer("epicenter"))
        });
        Registry::default()
            .with(filter)
            .with(exported)
            .with(lines(settings.log_format))
            .try_init()
            .context("another logger is already installed")?;
        Ok(Self { traces })
    }

    /// Sends what is left.
    pub(crate) fn stop(self) {
        let Some(provider) = self.traces else { return };
        if let Err(error) = provider.shutdown() {
            tracing::warn!(%error, "own traces could not be sent: {error}");
        }
    }
}

fn provider(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .with_context(|| format!("`telemetry.otlp_endpoint` is {endpoint:?}"))?;
    let resource = Resource::builder().with_service_name("epicenter").build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    }
}
