using System.Diagnostics;
using System.Text;
using System.Text.Json;
using GrainDb.LoadTool.Http;

namespace GrainDb.LoadTool.Counters;

/// <summary>Increments and reads the counters of one run. An increment is repeated with its idempotency key until it is answered, so that an answer that was lost on the way leaves no doubt.</summary>
/// <param name="keyspace">Keyspace of counters.</param>
/// <param name="run">Names the run; its counters are new.</param>
/// <param name="level">How many replicas an increment waits for.</param>
/// <param name="patience">How long one increment, or one read, is repeated.</param>
internal sealed class CounterClient(string keyspace, string run, string level, TimeSpan patience)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Creates the keyspace, unless it is there.</summary>
    /// <exception cref="InvalidDataException">The server does not let it.</exception>
    public async Task CreateAsync(HttpClientSession session, CancellationToken cancellationToken)
    {
        var request = RequestText.WithBody("PUT", $"/v1/keyspaces/{keyspace}", "application/json", """{"family":"eventual","conflict":"crdt:counter"}"""u8);
        var error = await PatientClient.SendAsync(session, request, cancellationToken);
        if (error is not null || session.Response.Status is not (200 or 201))
            throw new InvalidDataException($"keyspace {keyspace} could not be created for the counters: {error ?? Problem.Read(session.Response).Code}");
    }

    /// <summary>Adds 1 to a counter.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="counter">Which.</param>
    /// <param name="idempotencyKey">Of this increment alone.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="InvalidDataException">The server does not take it, and never will.</exception>
    public async Task<CounterTally> IncrementAsync(HttpClientSession session, int counter, string idempotencyKey, CancellationToken cancellationToken)
    {
        var request = RequestText.WithBody(
            "POST", PathOf(counter), "application/json", """{"increment":1}"""u8, $"Idempotency-Key: {idempotencyKey}\r\nGrainDb-Consistency: {level}\r\n");
        var started = Stopwatch.GetTimestamp();
        var isCertain = true;
        try
        {
            while (true)
            {
                var error = await session.SendAsync(request, cancellationToken);
                if (error is null && session.Response.Status is 200 or 204)
                    return new(Acknowledged: 1, Refused: 0, Unknown: 0);
                isCertain &= error == TransportErrors.ConnectFailed || (error is null && Problem.Read(session.Response).NotApplied);
                if (error is null && session.Response.Status is not (409 or 429 or 500 or 503 or 504))
                    throw new InvalidDataException($"an increment was refused: {Problem.Read(session.Response).Code}");
                if (Stopwatch.GetElapsedTime(started) > patience)
                    break;
                await Task.Delay(Pause, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            isCertain = false;
        }

        return isCertain ? new(Acknowledged: 0, Refused: 1, Unknown: 0) : new(Acknowledged: 0, Refused: 0, Unknown: 1);
    }

    /// <summary>What a counter holds, read so that every acknowledged increment is seen; 0 when it was never incremented.</summary>
    /// <exception cref="InvalidDataException">It cannot be read in time.</exception>
    public async Task<long> ReadAsync(HttpClientSession session, int counter, CancellationToken cancellationToken)
    {
        // So many and the level of the writes are more than there are replicas.
        var request = RequestText.Get(PathOf(counter), $"GrainDb-Consistency: {(level is "quorum" or "all" ? "quorum" : "all")}\r\n");
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var error = await session.SendAsync(request, cancellationToken);
            if (error is null && session.Response.Status == 200)
                return ValueOf(session.Response.Body);
            if (error is null && session.Response.Status == 404 && Problem.Read(session.Response).Code == "key_not_found")
                return 0;
            if (Stopwatch.GetElapsedTime(started) > patience)
                throw new InvalidDataException($"counter {counter} could not be read: {error ?? Problem.Read(session.Response).Code}");
            await Task.Delay(Pause, cancellationToken);
        }
    }

    private string PathOf(int counter) => $"/v1/crdt/{keyspace}/{run}/{counter}";

    private static long ValueOf(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body);
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.TryGetProperty("value", out var value) && value.TryGetInt64(out var number)
            ? number
            : throw new InvalidDataException($"a counter answered {Encoding.UTF8.GetString(body)}");
    }
}
