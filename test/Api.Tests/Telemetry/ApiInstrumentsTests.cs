using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using GrainDb.Api.Telemetry;
using GrainDb.Api.Tests.Serving;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Api.Tests.Telemetry;

public sealed class ApiInstrumentsTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<(double Seconds, Dictionary<string, object?> Attributes)> _measured = new();
    private ApiServer _server = null!;
    private MeterListener _listener = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        var meters = _server.Services.GetRequiredService<IMeterFactory>();
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Name == ApiInstruments.DurationName)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<double>((_, value, attributes, _) => _measured.Enqueue((value, attributes.ToArray().ToDictionary())));
        _listener.Start();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Operations_are_measured_by_operation_outcome_and_code_and_never_by_key()
    {
        await MeasureAsync(HttpMethod.Put, "/v1/kv/default/secret-key", "put", "ok", "ok");
        await MeasureAsync(HttpMethod.Get, "/v1/kv/default/secret-key", "get", "ok", "ok");
        await MeasureAsync(HttpMethod.Head, "/v1/kv/default/secret-key", "head", "ok", "ok");
        await MeasureAsync(HttpMethod.Get, "/v1/kv/default/none", "get", "notApplied", "key_not_found");
        await MeasureAsync(HttpMethod.Get, "/v1/kv/default?key64=AA", "get", "notApplied", "key_not_found");
        await MeasureAsync(HttpMethod.Get, "/v1/kv/default", "scan", "ok", "ok");
        await MeasureAsync(HttpMethod.Get, "/v1/history/default/a", "history", "ok", "ok");
        await MeasureAsync(HttpMethod.Delete, "/v1/kv/default/%FF", "delete", "notApplied", "invalid_key");
        await MeasureAsync(HttpMethod.Post, "/v1/batch", "batch", "notApplied", "invalid_request");
        _server.Store.NextFailure = Failure.Unknown(ErrorCode.Unavailable, "Lost.");
        await MeasureAsync(HttpMethod.Put, "/v1/kv/default/a", "put", "unknown", "outcome_unknown");
        _server.Store.NextException = new InvalidOperationException();
        await MeasureAsync(HttpMethod.Delete, "/v1/kv/default/a", "delete", "unknown", "internal");
    }

    private async Task MeasureAsync(HttpMethod method, string path, string operation, string outcome, string code)
    {
        await _server.SendAsync(method, path);
        // The answer may arrive before the measurement is recorded.
        (double Seconds, Dictionary<string, object?> Attributes) measured;
        while (!_measured.TryDequeue(out measured))
            await Task.Yield();
        Assert.InRange(measured.Seconds, 0, 60);
        Assert.Equal(new Dictionary<string, object?> { ["operation"] = operation, ["outcome"] = outcome, ["code"] = code }, measured.Attributes);
    }
}
