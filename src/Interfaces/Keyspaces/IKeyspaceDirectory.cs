namespace GrainDb.Interfaces.Keyspaces;

/// <summary>The keyspaces as this node knows them: for the data path, which has to know the family of a keyspace before it can read a request.</summary>
public interface IKeyspaceDirectory
{
    /// <summary>
    /// The keyspace, from this node's view of the meta range, which is fetched anew for a name that is not in it. A keyspace that was deleted and made again a moment ago may still show as it was:
    /// the stores refuse what is not of their family.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="timeout">How long a fetch may take.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="Errors.GrainDbException">The name is not known here, and the meta range could not be asked: nothing was done.</exception>
    ValueTask<KeyspaceDescriptor?> FindAsync(string name, TimeSpan timeout, CancellationToken cancellationToken);
}
