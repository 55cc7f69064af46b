using GrainDb.Engine.Eventual;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Eventual;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// The hints that this node keeps for replicas of other nodes: a log under <c>hints/</c> of its data directory, open as long as the node runs. A damaged one is deleted, and another takes its place: what it kept
/// for replicas that were away reaches them by comparison, from those that acknowledged it; only what hints alone were counted for, in a keyspace that lets them count, is lost with it.
/// </summary>
internal sealed class NodeHints(NodeOptions node, NodeStorage storage, StorageOptions options, ILogger<NodeHints> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    private const string Folder = "hints";

    private static readonly HintAnswer Closed = new(HintOutcome.Unable, "the log of hints is not open");

    private readonly Lock _opening = new();
    private volatile HintStore? _store;
    private bool _isStopped;

    /// <summary>The hints; null while they cannot be kept.</summary>
    public HintStore? Store => _store is { BrokenReason: null } store ? store : null;

    /// <summary>Opens before the silo joins, closes after the grains are gone.</summary>
    public void Participate(ISiloLifecycle observer) => observer.Subscribe(
        nameof(NodeHints),
        ServiceLifecycleStage.RuntimeInitialize,
        _ =>
        {
            TryOpen();
            return Task.CompletedTask;
        },
        _ => CloseAsync());

    public async Task<HintAnswer> StoreAsync(Hint hint)
    {
        var answer = Store is { } store ? await store.StoreAsync(hint) : Closed;
        EventualInstruments.CountHint(node.Name, answer.Outcome == HintOutcome.Stored);
        return answer;
    }

    public Task<CloseHintsAnswer> CloseAsync(CloseHintsRequest request) =>
        Store?.CloseAsync(request) ?? Task.FromResult(new CloseHintsAnswer(IsClosed: false, 0));

    /// <summary>Opens the log where it is not open. Blocking.</summary>
    public void TryOpen()
    {
        lock (_opening)
        {
            if (_store is not null || _isStopped)
                return;
            try
            {
                _store = OpenOrReplace();
            }
            catch (IOException exception)
            {
                EventualHostLog.HintsBroken(logger, exception.Message);
            }
        }
    }

    private HintStore OpenOrReplace()
    {
        var folder = Path.Combine(node.DataDirectory, Folder);
        if (!storage.Files.DirectoryExists(folder))
        {
            storage.Files.CreateDirectory(folder);
            storage.Files.SyncDirectory(node.DataDirectory);
        }

        foreach (var name in storage.Files.ListDirectories(folder))
        {
            if (!Guid.TryParseExact(name, "N", out var incarnation))
                continue;
            try
            {
                return Open(Path.Combine(folder, name), incarnation);
            }
            catch (Exception exception) when (exception is WalCorruptionException or InvalidDataException)
            {
                EventualHostLog.HintsLost(logger, exception.Message);
                Delete(folder, Path.Combine(folder, name));
            }
        }

        var fresh = Guid.NewGuid();
        var directory = Path.Combine(folder, fresh.ToString("N"));
        storage.Files.CreateDirectory(directory);
        storage.Files.SyncDirectory(folder);
        return Open(directory, fresh);
    }

    private HintStore Open(string directory, Guid incarnation) => HintStore.Open(
        new HintStoreOptions(directory, incarnation, options.Wal, options.GroupCommit), storage.Files, storage.Clock, EventualHost.OnThreadPool);

    private void Delete(string folder, string directory)
    {
        foreach (var file in storage.Files.ListFiles(directory))
            storage.Files.Delete(Path.Combine(directory, file));
        storage.Files.DeleteDirectory(directory);
        storage.Files.SyncDirectory(folder);
    }

    private async Task CloseAsync()
    {
        HintStore? store;
        lock (_opening)
        {
            _isStopped = true;
            (store, _store) = (_store, null);
        }

        if (store is not null)
            await store.CloseAsync();
    }
}
