using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Replicas;

/// <summary>
/// One replica, addressed <c>range@node</c> and pinned to that node: while the node is down a call fails, it is never activated
/// elsewhere. Calls that get no answer in time may have been carried out; every one of them may be repeated.
/// </summary>
[Alias("graindb.replica-grain")]
public interface IReplicaGrain : IGrainWithStringKey
{
    /// <summary>Asks for a promise; durable before it is answered.</summary>
    [Alias("promise"), ResponseTimeout("00:00:01")]
    Task<PromiseAnswer> PromiseAsync(PromiseRequest request);

    /// <summary>Appends records, or renews the lease when there are none; durable before it is answered.</summary>
    [Alias("append"), ResponseTimeout("00:00:01")]
    Task<AppendAnswer> AppendAsync(AppendRequest request);

    /// <summary>Gives a candidate records of the log that it was promised.</summary>
    [Alias("fetch"), ResponseTimeout("00:00:05")]
    Task<FetchAnswer> FetchAsync(FetchRequest request);

    /// <summary>Takes one block of a snapshot.</summary>
    [Alias("snapshot"), ResponseTimeout("00:00:05")]
    Task<SnapshotAnswer> ReceiveSnapshotAsync(SnapshotChunk chunk);

    /// <summary>Ends the wait for a leader's lease.</summary>
    [Alias("release"), ResponseTimeout("00:00:01")]
    Task ReleaseAsync(ReleaseNotice notice);

    /// <summary>Reads one key of this replica's applied state.</summary>
    [Alias("read"), ResponseTimeout("00:00:05")]
    ValueTask<ReadResult> ReadAsync(RangeRead request);

    /// <summary>Reads a page of this replica's applied state.</summary>
    [Alias("scan"), ResponseTimeout("00:00:30")]
    ValueTask<ScanResult> ScanAsync(RangeScan request);
}
