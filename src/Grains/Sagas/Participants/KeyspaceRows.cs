using System.Globalization;
using System.Text;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Sagas.Participants;

/// <summary>Checks, reads and writes of the rows of one keyspace, whose keys are ASCII text.</summary>
/// <param name="Name">The keyspace.</param>
internal sealed record KeyspaceRows(string Name)
{
    private const string JsonType = "application/json";

    public TransactRead Read(string key) => new(Name, Encoding.ASCII.GetBytes(key), IsScan: false, End: null, Limit: 1);

    public TransactCheck Exists(string key) => Check(key, CheckKind.Exists);

    public TransactCheck Absent(string key) => Check(key, CheckKind.NotExists);

    public TransactCheck AtLeast(string key, long bound) => Check(key, CheckKind.AtLeast) with { Bound = bound };

    public TransactCheck AtMost(string key, long bound) => Check(key, CheckKind.AtMost) with { Bound = bound };

    /// <summary>It is still what was read.</summary>
    public TransactCheck Unchanged(string key, ScanItem? row) => row is { } there ? Check(key, CheckKind.VersionEquals) with { Version = there.Version } : Absent(key);

    public TransactWrite Put<T>(string key, T document) => Put(key, JsonSerializer.SerializeToUtf8Bytes(document, SagaJson.Options), JsonType);

    public TransactWrite Put(string key, EffectRecord record) => Put(key, record.Encode(), JsonType);

    public TransactWrite Put(string key, long integer) => Put(key, Encoding.ASCII.GetBytes(integer.ToString(CultureInfo.InvariantCulture)), Increment.ContentType);

    public TransactWrite Remove(string key) => new(Name, new KeyWrite(Encoding.ASCII.GetBytes(key), WriteKind.Delete, default, "", WriteCondition.None, TimeToLive: null), Increment: null);

    public TransactWrite Add(string key, long by) => new(Name, new KeyWrite(Encoding.ASCII.GetBytes(key), WriteKind.Put, default, "", WriteCondition.None, TimeToLive: null), by);

    private TransactCheck Check(string key, CheckKind kind) => new(Name, Encoding.ASCII.GetBytes(key), kind, Timestamp.Zero, default);

    private TransactWrite Put(string key, byte[] value, string contentType) =>
        new(Name, new KeyWrite(Encoding.ASCII.GetBytes(key), WriteKind.Put, value, contentType, WriteCondition.None, TimeToLive: null), Increment: null);
}
