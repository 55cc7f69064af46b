using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>The keyspaces out of this node's view of the meta range.</summary>
internal sealed class KeyspaceDirectory(MetaCache meta, TimeProvider time) : IKeyspaceDirectory
{
    public ValueTask<KeyspaceDescriptor?> FindAsync(string name, TimeSpan timeout, CancellationToken cancellationToken) =>
        meta.Current?.FindActive(name) is { } map ? new(map.Keyspace) : LookAgainAsync(name, timeout, cancellationToken);

    /// <summary>The view may be older than the keyspace.</summary>
    private async ValueTask<KeyspaceDescriptor?> LookAgainAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return (await meta.RefreshAsync(cancellationToken).WaitAsync(timeout, time, cancellationToken)).FindActive(name)?.Keyspace;
        }
        catch (TimeoutException)
        {
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"keyspace '{name}' is not known here, and the meta range did not answer in time"));
        }
    }
}
