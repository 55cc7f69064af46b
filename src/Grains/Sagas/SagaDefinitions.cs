using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas;

/// <summary>Definitions as rows of <c>system.sagas</c>: written once, never changed, and kept in memory once they were read.</summary>
internal sealed class SagaDefinitions(SagaRows rows, IKeyValueStore keys, SagaServiceRegistry services)
{
    /// <summary>Most definitions in memory; beyond it all are forgotten and read again.</summary>
    private const int MaxKnown = 1_000;

    private readonly ConcurrentDictionary<(string Name, int Version), SagaDefinition> _known = new();

    /// <summary>Stores a definition, or finds that it is stored.</summary>
    public async Task<SagaDefinitionAnswer> PutAsync(
        string name, int version, ReadOnlyMemory<byte> json, IdempotencyStamp? stamp, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (json.Length > SagaLimits.MaxDocumentBytes)
            return SagaDefinitionAnswer.Failed(Failure.NotApplied(ErrorCode.RequestTooLarge, $"the definition has {json.Length} bytes, the limit is {SagaLimits.MaxDocumentBytes}"));
        var definition = SagaDefinitionJson.Read(name, version, json.Span, out var problems);
        if (definition is not null)
            problems = [.. services.FindProblems(definition)];
        if (definition is null || problems.Count > 0)
            return SagaDefinitionAnswer.Failed(Failure.NotApplied(ErrorCode.InvalidRequest, $"the definition cannot be used: {string.Join("; ", problems)}"));
        return await PutAsync(definition, stamp, timeout, cancellationToken);
    }

    /// <summary>Stores a definition that has no problems, or finds that it is stored.</summary>
    public async Task<SagaDefinitionAnswer> PutAsync(SagaDefinition definition, IdempotencyStamp? stamp, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var canonical = SagaDefinitionJson.Encode(definition);
        var stored = new StoredSagaDefinition(definition.Name, definition.Version, SagaDefinitionJson.HashOf(canonical), canonical);
        var write = SagaRows.Put(SagaKeys.Definition(definition.Name, definition.Version), canonical, ConditionKind.NotExists);
        var result = await rows.WriteAsync([write], stamp, timeout);
        if (result.Failure is null)
            return new SagaDefinitionAnswer { Definition = stored, IsNew = true, IsRepeated = result.IsRepeated };
        if (result.Failure.Code != ErrorCode.VersionMismatch)
            return SagaDefinitionAnswer.Failed(result.Failure);
        var there = await ReadAsync(definition.Name, definition.Version, timeout, cancellationToken);
        return there.Definition is { } found && found.Hash != stored.Hash
            ? SagaDefinitionAnswer.Failed(Failure.NotApplied(
                ErrorCode.SagaDefinitionExists, $"{definition.Name} version {definition.Version} is stored with hash {found.Hash}, and this one has {stored.Hash}; store it under another version"))
            : there;
    }

    /// <summary>One definition, to be run.</summary>
    public async Task<(Failure? Failure, SagaDefinition? Definition)> FindAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue((name, version), out var known))
            return (null, known);
        var stored = await ReadAsync(name, version, timeout, cancellationToken);
        if (stored.Failure is not null)
            return (stored.Failure, null);
        var definition = SagaDefinitionJson.Read(name, version, stored.Definition!.Definition.Span, out var problems)
            ?? throw new InvalidDataException($"definition {name} version {version} cannot be read: {string.Join("; ", problems)}");
        if (_known.Count >= MaxKnown)
            _known.Clear();
        _known[(name, version)] = definition;
        return (null, definition);
    }

    /// <summary>The newest version of a definition, to be run.</summary>
    public async Task<(Failure? Failure, SagaDefinition? Definition)> FindNewestAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var prefix = SagaKeys.Definitions(name);
        var page = await keys.ScanAsync(
            SystemKeyspaces.Sagas,
            new ScanQuery(prefix, ScanQuery.EndOfPrefix(prefix), Timestamp.Zero, 1, Reverse: true, KeysOnly: true, ResumeKey: null),
            default,
            timeout,
            cancellationToken);
        if (page.Failure is { } failure)
            return (SagaRows.NotThere(failure), null);
        return page.Items.Count == 0
            ? (Failure.NotApplied(ErrorCode.SagaDefinitionNotFound, $"there is no definition '{name}'"), null)
            : await FindAsync(name, VersionOf(page.Items[0].Key), timeout, cancellationToken);
    }

    /// <summary>One definition as it is stored.</summary>
    public async Task<SagaDefinitionAnswer> ReadAsync(string name, int version, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var read = await keys.ReadAsync(SystemKeyspaces.Sagas, SagaKeys.Definition(name, version), Timestamp.Zero, default, timeout, cancellationToken);
        if (read.Failure is { } failure)
            return SagaDefinitionAnswer.Failed(SagaRows.NotThere(failure));
        return read.Found
            ? new SagaDefinitionAnswer { Definition = ToStored(name, version, read.Value) }
            : SagaDefinitionAnswer.Failed(Failure.NotApplied(ErrorCode.SagaDefinitionNotFound, $"there is no definition '{name}' version {version}"));
    }

    /// <summary>A page of all, by name and version.</summary>
    /// <param name="after">Key of the last one of the page before; null on the first.</param>
    /// <param name="limit">Most definitions.</param>
    /// <param name="timeout">Budget.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public async Task<(Failure? Failure, IReadOnlyList<StoredSagaDefinition> Items, byte[]? Resume)> ListAsync(byte[]? after, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var prefix = SagaKeys.Definitions(null);
        var page = await keys.ScanAsync(
            SystemKeyspaces.Sagas,
            new ScanQuery(prefix, ScanQuery.EndOfPrefix(prefix), Timestamp.Zero, limit, Reverse: false, KeysOnly: false, ResumeKey: after),
            default,
            timeout,
            cancellationToken);
        if (page.Failure is { } failure)
            return (SagaRows.NotThere(failure), [], null);
        return (null, [.. page.Items.Select(item => ToStored(NameOf(item.Key), VersionOf(item.Key), item.Value))], page.ResumeKey);
    }

    private static StoredSagaDefinition ToStored(string name, int version, ReadOnlyMemory<byte> canonical) => new(name, version, SagaDefinitionJson.HashOf(canonical.Span), canonical);

    private static string NameOf(ReadOnlyMemory<byte> key) => Encoding.UTF8.GetString(key.Span).Split('/')[1];

    private static int VersionOf(ReadOnlyMemory<byte> key) => int.Parse(Encoding.UTF8.GetString(key.Span).Split('/')[2], NumberStyles.None, CultureInfo.InvariantCulture);
}
