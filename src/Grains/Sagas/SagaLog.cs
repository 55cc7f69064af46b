using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas;

/// <summary>A saga's log as it was read.</summary>
/// <param name="Failure">Why it could not be read; null when it was.</param>
/// <param name="Definition">Its definition; null when there is no row.</param>
/// <param name="Rows">Its rows, in order.</param>
internal sealed record SagaLogRead(Failure? Failure, SagaDefinition? Definition, IReadOnlyList<ReadOnlyMemory<byte>> Rows);

/// <summary>
/// The logs as rows of <c>system.sagas</c>. A batch of rows is one write of one range: on condition that its first sequence number is free, and together with the saga's place in the index. As every batch
/// begins where the last one ended, that is the compare-and-set: of two that begin at the same number one is refused, whole.
/// </summary>
internal sealed class SagaLog(SagaRows rows, IKeyValueStore keys, SagaDefinitions definitions)
{
    /// <summary>Reads a whole log.</summary>
    public async Task<SagaLogRead> ReadAsync(string id, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (failure, log, _) = await ReadRowsAsync(id, 0, int.MaxValue, timeout, cancellationToken);
        if (failure is not null || log.Count == 0)
            return new SagaLogRead(failure, null, []);
        if (SagaJson.Decode(log[0].Span) is not SagaEvent.Started started)
            throw new InvalidDataException($"the log of saga {id} does not begin with its start");
        var found = await definitions.FindAsync(started.Definition, started.Version, timeout, cancellationToken);
        return found.Failure is { } missing
            ? new SagaLogRead(missing.Code == ErrorCode.SagaDefinitionNotFound ? Failure.NotApplied(ErrorCode.Internal, $"saga {id}: {missing.Detail}") : missing, null, [])
            : new SagaLogRead(null, found.Definition, log);
    }

    /// <summary>Reads a part of a log.</summary>
    /// <returns>The rows from <paramref name="from"/> on, and whether there may be more.</returns>
    public async Task<(Failure? Failure, IReadOnlyList<ReadOnlyMemory<byte>> Rows, bool IsMore)> ReadRowsAsync(
        string id, int from, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var found = new List<ReadOnlyMemory<byte>>();
        var query = new ScanQuery(SagaKeys.Row(id, from), ScanQuery.EndOfPrefix(SagaKeys.Log(id)), Timestamp.Zero, 0, Reverse: false, KeysOnly: false, ResumeKey: null);
        do
        {
            var page = await keys.ScanAsync(
                SystemKeyspaces.Sagas, query with { Limit = Math.Min(limit - found.Count, KeyLimits.MaxScanLimit) }, default, timeout, cancellationToken);
            if (page.Failure is { } failure)
                return (SagaRows.NotThere(failure), [], false);
            foreach (var item in page.Items)
            {
                if (SagaKeys.SequenceOf(item.Key.Span) != from + found.Count)
                    throw new InvalidDataException($"the log of saga {id} has a gap before row {SagaKeys.SequenceOf(item.Key.Span)}");
                found.Add(item.Value);
            }

            query = query with { AsOf = page.ReadTimestamp, ResumeKey = page.ResumeKey };
        }
        while (query.ResumeKey is not null && found.Count < limit);

        return (null, found, query.ResumeKey is not null);
    }

    /// <summary>Appends rows.</summary>
    /// <param name="append">What.</param>
    /// <param name="timeout">Budget.</param>
    public async Task<(SagaAppendOutcome Outcome, Failure? Failure)> AppendAsync(SagaEffect.Append append, TimeSpan timeout)
    {
        var id = append.After.Id;
        var index = SagaIndexRow.Of(append.After);
        var writes = new List<KeyWrite>(append.Rows.Count + 3);
        for (var i = 0; i < append.Rows.Count; i++)
            writes.Add(SagaRows.Put(SagaKeys.Row(id, append.From + i), append.Rows[i], i == 0 ? ConditionKind.NotExists : ConditionKind.None));
        writes.Add(SagaRows.Put(SagaKeys.Index(id, index.HasEnded), index.Encode(), ConditionKind.None));
        if (index.HasEnded)
            writes.Add(SagaRows.Put(SagaKeys.Over(id, index.UpdatedAt), new SagaOver(id, index.Definition, index.Version).Encode(), ConditionKind.None));
        if (index.HasEnded && append.From > 0)
            writes.Add(new KeyWrite(SagaKeys.Index(id, hasEnded: false), WriteKind.Delete, default, "", WriteCondition.None, null));
        var result = await rows.WriteAsync([.. writes], append.Stamp, timeout);
        return result switch
        {
            { Failure: null, IsRepeated: true } => (SagaAppendOutcome.Repeated, null),
            { Failure: null } => (SagaAppendOutcome.Appended, null),
            { Failure.Code: ErrorCode.VersionMismatch } => (SagaAppendOutcome.Lost, result.Failure),
            { Failure.Code: ErrorCode.IdempotencyMismatch } => (SagaAppendOutcome.StampMismatch, result.Failure),
            { Failure.Outcome: Outcome.NotApplied } => (SagaAppendOutcome.NotApplied, result.Failure),
            _ => (SagaAppendOutcome.Unknown, result.Failure),
        };
    }

    /// <summary>
    /// Whether the request with a stamp took effect: asked by a write whose condition never holds, since no row has that version. Stamps are looked up before conditions.
    /// </summary>
    /// <returns>Why not known, or that the key belongs to another request; null: see <c>IsRepeated</c>.</returns>
    public async Task<(Failure? Failure, bool IsRepeated)> FindRepeatedAsync(string id, IdempotencyStamp stamp, TimeSpan timeout)
    {
        var result = await rows.WriteAsync([Impossible(id)], stamp, timeout);
        return result.Failure switch
        {
            null => (null, result.IsRepeated),
            { Code: ErrorCode.VersionMismatch } => (null, false),
            { Outcome: Outcome.NotApplied } failure => (failure, false),
            { } failure => (Failure.NotApplied(ErrorCode.Unavailable, failure.Detail), false),
        };
    }

    private static KeyWrite Impossible(string id) => new(SagaKeys.Row(id, 0), WriteKind.Delete, default, "", new WriteCondition(ConditionKind.VersionEquals, Timestamp.Max), TimeToLive: null);
}
