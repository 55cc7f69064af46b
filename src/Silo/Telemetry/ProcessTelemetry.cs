using GrainDb.Grains.Hosting;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace GrainDb.Silo.Telemetry;

/// <summary>
/// Metrics of the whole process for Prometheus, and to a collector when one is configured. Meters are process-wide, so one host of an
/// embedded cluster exports for all.
/// </summary>
public static class ProcessTelemetry
{
    /// <summary>Name of GrainDb's own meter and activity source.</summary>
    public const string GrainDb = "GrainDb";

    public static void AddProcessTelemetry(this IServiceCollection services, string instance, Uri? collector)
    {
        var telemetry = services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("graindb", serviceInstanceId: instance));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddAspNetCoreInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter("Microsoft.Orleans", GrainDb)
                .AddPrometheusExporter();
            if (collector is not null)
                metrics.AddOtlpExporter(exporter => Configure(exporter, collector));
        });
        if (collector is not null)
        {
            telemetry.WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation()
                .AddSource("Microsoft.Orleans.Application", "Microsoft.Orleans.Lifecycle", GrainDb)
                .AddOtlpExporter(exporter => Configure(exporter, collector)));
        }
    }

    private static void Configure(OtlpExporterOptions exporter, Uri collector)
    {
        exporter.Endpoint = collector;
        exporter.HttpClientFactory = () => new HttpClient(new SocketsHttpHandler { SslOptions = OutgoingTls.Options })
        {
            Timeout = TimeSpan.FromMilliseconds(exporter.TimeoutMilliseconds),
        };
    }
}
