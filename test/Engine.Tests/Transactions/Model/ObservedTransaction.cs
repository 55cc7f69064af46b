using System.Text;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>A transaction as its client saw it. Time is the world's, which nobody in it knows.</summary>
internal sealed class ObservedTransaction(TransactionCoordinator transaction, IsolationLevel isolation, long beganAt)
{
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>What was read, by keyspace and key: its version, zero where there was none.</summary>
    public Dictionary<(string Keyspace, string Key), Timestamp> Reads { get; } = [];

    public HashSet<(string Keyspace, string Key)> Writes { get; } = [];

    public TransactionId Id => transaction.Id;

    public IsolationLevel Isolation => isolation;

    public long BeganAt => beganAt;

    /// <summary>Of what was read.</summary>
    public Timestamp ReadTimestamp => transaction.ReadTimestamp;

    /// <summary>What the client was told; null when it never was.</summary>
    public CommitResult? Result { get; private set; }

    public long AnsweredAt { get; private set; } = long.MaxValue;

    public async Task<ReadResult> ReadAsync(string keyspace, string key)
    {
        var result = await transaction.ReadAsync(keyspace, Encoding.UTF8.GetBytes(key), Timeout, CancellationToken.None);
        if (result.Failure is null && !Writes.Contains((keyspace, key)))
            Reads[(keyspace, key)] = result.Version;
        return result;
    }

    /// <summary>Reads all keys of an interval that the test uses; those that do not come back are absent.</summary>
    public async Task<ScanResult> ScanAsync(string keyspace, IEnumerable<string> keys)
    {
        var result = await transaction.ScanAsync(keyspace, new ScanQuery(default, null, default, 1000, Reverse: false, KeysOnly: false, null), Timeout, CancellationToken.None);
        if (result.Failure is null)
        {
            var found = result.Items.ToDictionary(item => Encoding.UTF8.GetString(item.Key.Span), item => item.Version);
            foreach (var key in keys.Where(key => !Writes.Contains((keyspace, key))))
                Reads[(keyspace, key)] = found.GetValueOrDefault(key);
        }

        return result;
    }

    public async Task<Failure?> WriteAsync(string keyspace, string key, string value)
    {
        var failure = await transaction.WriteAsync(keyspace, Put(key, value), Timeout, CancellationToken.None);
        if (failure is null)
            Writes.Add((keyspace, key));
        return failure;
    }

    public async Task<CommitResult> CommitAsync(Func<long> now, TimeSpan? timeout = null)
    {
        Result = await transaction.CommitAsync(null, timeout ?? Timeout, CancellationToken.None);
        AnsweredAt = now();
        return Result;
    }

    public static KeyWrite Put(string key, string value, WriteCondition condition = default) =>
        new(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "", condition, null);

    public static KeyWrite Delete(string key) => new(Encoding.UTF8.GetBytes(key), WriteKind.Delete, default, "", default, null);
}
