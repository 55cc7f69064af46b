using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>What happens to a connection across a cut.</summary>
internal enum CutKind
{
    /// <summary>Bytes vanish; nobody is told.</summary>
    BlackHole,

    /// <summary>Connections break, and new ones are refused.</summary>
    Reset,
}

/// <summary>
/// The network between the silos of an in-process cluster, and the way of each silo to the membership table, which can be cut and healed.
/// <para>
/// Silos talk over connections that either side opened, in both directions. Each silo's outgoing connections go through
/// <see cref="Wrap"/>; there what it writes obeys the cut to the other silo, and what it reads the cut from it.
/// A connection that lost bytes cannot go on, since its framing is gone: it stays mute until <see cref="Heal"/> breaks it,
/// and silos open new ones.
/// </para>
/// </summary>
internal sealed class Network
{
    private readonly ConcurrentDictionary<(string From, string To), CutKind> _cuts = new();
    private readonly ConcurrentDictionary<string, bool> _cutFromTable = new();
    private readonly ConcurrentDictionary<EndPoint, string> _names = new();
    private readonly ConcurrentDictionary<GatedConnection, bool> _connections = new();
    private readonly ConcurrentDictionary<(string From, string To), TaskCompletionSource> _losses = new();

    /// <summary>Puts a silo's outgoing connections on this network.</summary>
    public void Attach(ISiloBuilder silo, string name)
    {
        silo.Configure<SiloConnectionOptions>(options =>
            options.ConfigureSiloOutboundConnection(connection => connection.Use(next => context => Wrap(name, context, next))));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => new Registration(this, services.GetRequiredService<ILocalSiloDetails>()));
    }

    /// <summary>Bytes from one silo to another vanish; the other way is open.</summary>
    public void CutOneWay(string from, string to)
    {
        _losses[(from, to)] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _cuts[(from, to)] = CutKind.BlackHole;
    }

    /// <summary>Cuts both ways between two silos.</summary>
    public void Cut(string one, string other, CutKind kind)
    {
        CutOneWay(one, other);
        CutOneWay(other, one);
        if (kind != CutKind.Reset)
            return;
        _cuts[(one, other)] = _cuts[(other, one)] = CutKind.Reset;
        Break(connection => connection.IsBetween(one, other));
    }

    /// <summary>Cuts a silo off from others, both ways.</summary>
    public void Isolate(string name, IEnumerable<string> others, CutKind kind)
    {
        foreach (var other in others.Where(other => other != name))
            Cut(name, other, kind);
    }

    /// <summary>The membership table does not answer this silo.</summary>
    public void CutFromTable(string name) => _cutFromTable[name] = true;

    /// <summary>Whether the membership table answers this silo.</summary>
    public bool ReachesTable(string name) => !_cutFromTable.ContainsKey(name);

    /// <summary>Completes when the newest cut from one silo to another swallowed its first bytes.</summary>
    public Task WhenLost(string from, string to) => _losses[(from, to)].Task;

    /// <summary>Everything is open again; connections that lost bytes break.</summary>
    public void Heal()
    {
        _cuts.Clear();
        _cutFromTable.Clear();
        Break(connection => connection.HasLost);
    }

    internal bool IsCut(string from, string to) => _cuts.ContainsKey((from, to));

    internal void NoteLoss(string from, string to)
    {
        if (_losses.TryGetValue((from, to), out var loss))
            loss.TrySetResult();
    }

    private async Task Wrap(string opener, ConnectionContext context, ConnectionDelegate next)
    {
        // A silo that is not registered yet is only starting, and nobody cuts it off by name.
        var target = context.RemoteEndPoint is { } endpoint && _names.TryGetValue(endpoint, out var name) ? name : "";
        var transport = context.Transport;
        var connection = new GatedConnection(this, opener, target, context);
        _connections[connection] = true;
        try
        {
            if (_cuts.TryGetValue((opener, target), out var kind) && kind == CutKind.Reset)
                throw new ConnectionAbortedException($"{opener} and {target} are cut apart");
            context.Transport = connection;
            await next(context);
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            context.Transport = transport;
        }
    }

    private void Break(Func<GatedConnection, bool> which)
    {
        foreach (var connection in _connections.Keys.Where(which))
            connection.Break();
    }

    /// <summary>Tells the network where a silo listens, before anybody connects to it.</summary>
    private sealed class Registration(Network network, ILocalSiloDetails silo) : ILifecycleParticipant<ISiloLifecycle>
    {
        public void Participate(ISiloLifecycle observer) => observer.Subscribe(
            nameof(Network),
            ServiceLifecycleStage.First,
            _ =>
            {
                network._names[silo.SiloAddress.Endpoint] = silo.Name;
                return Task.CompletedTask;
            });
    }
}
