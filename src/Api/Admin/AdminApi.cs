using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace GrainDb.Api.Admin;

/// <summary>The garbage collection that was asked for has run.</summary>
/// <param name="Collected">Always true: a failure is a problem document.</param>
public sealed record GarbageCollected(bool Collected);

/// <summary>A range whose checkpoint failed.</summary>
/// <param name="Range">The range.</param>
/// <param name="Code">Error code.</param>
/// <param name="Detail">Why.</param>
public sealed record CheckpointFailure(long Range, string Code, string Detail);

/// <summary>Checkpoints of all ranges.</summary>
/// <param name="Checkpointed">Ranges whose checkpoint was written.</param>
/// <param name="Idle">Ranges that are not in memory: their files are checkpoints already.</param>
/// <param name="Failed">Ranges that could not.</param>
public sealed record ClusterCheckpointed(int Checkpointed, int Idle, IReadOnlyList<CheckpointFailure> Failed);

/// <summary>Effective settings.</summary>
/// <param name="Settings">By name, secrets redacted.</param>
public sealed record EffectiveSettings(IReadOnlyDictionary<string, string> Settings);

/// <summary>Housekeeping on demand, and the effective configuration.</summary>
internal sealed class AdminApi(IClusterView cluster, ApiOptions options)
{
    /// <summary>Ranges that write a checkpoint at once: checkpoints compete with commits for the disk.</summary>
    private const int MaxParallelCheckpoints = 4;

    private const string Redacted = "***";

    private static readonly string[] SecretWords = ["password", "pwd", "secret", "token", "apikey", "api-key", "credential"];

    public async Task<Accepted<GarbageCollected>> CollectGarbageAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.StartLong(context);
        await cluster.CollectGarbageAsync(deadline.Token);
        return TypedResults.Accepted((string?)null, new GarbageCollected(Collected: true));
    }

    public async Task<Accepted<ClusterCheckpointed>> CheckpointAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        using var deadline = Deadline.StartLong(context);
        var ranges = await cluster.GetRangesAsync(keyspace: null, unhealthyOnly: false, deadline.Token);
        var awake = ranges.Where(range => !range.Replicas.All(replica => replica.State == ReplicaState.Idle)).ToList();
        var failed = new List<CheckpointFailure>();
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = MaxParallelCheckpoints, CancellationToken = deadline.Token };
        await Parallel.ForEachAsync(awake, parallel, async (range, token) =>
        {
            try
            {
                await cluster.CheckpointAsync(range.Descriptor.Id, token);
            }
            catch (GrainDbException exception)
            {
                var failure = new CheckpointFailure(range.Descriptor.Id.Value, Errors.ErrorTable.Of(exception.Failure.Code).Name, exception.Failure.Detail);
                lock (failed)
                    failed.Add(failure);
            }
        });
        failed.Sort((left, right) => left.Range.CompareTo(right.Range));
        return TypedResults.Accepted((string?)null, new ClusterCheckpointed(awake.Count - failed.Count, ranges.Count - awake.Count, failed));
    }

    public Ok<EffectiveSettings> GetConfiguration(HttpContext context)
    {
        QueryParameters.Read(context);
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in options.EffectiveConfiguration)
            settings[name] = IsSecret(name) || HoldsSecret(value) ? Redacted : value;
        return TypedResults.Ok(new EffectiveSettings(settings));
    }

    private static bool IsSecret(string name) => Array.Exists(SecretWords, word => name.Contains(word, StringComparison.OrdinalIgnoreCase));

    // Connection strings carry the password inside.
    private static bool HoldsSecret(string value) =>
        value.Contains("password=", StringComparison.OrdinalIgnoreCase) || value.Contains("pwd=", StringComparison.OrdinalIgnoreCase);
}
