using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Keyspaces in memory.</summary>
internal sealed class FakeCatalog : IKeyspaceCatalog
{
    private readonly SortedDictionary<string, KeyspaceDescriptor> _keyspaces = new(StringComparer.Ordinal)
    {
        ["default"] = new KeyspaceDescriptor { Name = "default" },
        ["system.meta"] = new KeyspaceDescriptor { Name = "system.meta" },
    };

    public int Calls { get; private set; }

    public Exception? NextException { get; set; }

    public KeyspaceDescriptor? LastCreated { get; private set; }

    public Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult<IReadOnlyList<KeyspaceDescriptor>>([.. _keyspaces.Values]);
    }

    public Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken)
    {
        Enter();
        return Task.FromResult(_keyspaces.GetValueOrDefault(name));
    }

    public Task<(bool Created, KeyspaceDescriptor Keyspace)> CreateAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken)
    {
        Enter();
        LastCreated = keyspace;
        if (!_keyspaces.TryGetValue(keyspace.Name, out var there))
        {
            _keyspaces.Add(keyspace.Name, keyspace);
            return Task.FromResult((true, keyspace));
        }

        return there.Partitioning == keyspace.Partitioning && there.Partitions == keyspace.Partitions && there.Retention == keyspace.Retention
            ? Task.FromResult((false, there))
            : throw new GrainDbException(Failure.NotApplied(ErrorCode.KeyspaceExists, "It exists with another configuration."));
    }

    public Task<KeyspaceDescriptor> UpdateAsync(string name, TimeSpan retention, CancellationToken cancellationToken)
    {
        Enter();
        Require(name);
        return Task.FromResult(_keyspaces[name] = _keyspaces[name] with { Retention = retention, Generation = _keyspaces[name].Generation + 1 });
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        Enter();
        Require(name);
        _keyspaces.Remove(name);
        return Task.CompletedTask;
    }

    private void Require(string name)
    {
        if (!_keyspaces.ContainsKey(name))
            throw new GrainDbException(Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{name}'."));
    }

    private void Enter()
    {
        Calls++;
        if (NextException is not { } exception)
            return;
        NextException = null;
        throw exception;
    }
}
