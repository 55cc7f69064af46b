using GrainDb.Interfaces.Nodes;

namespace GrainDb.Silo.Hosting;

/// <summary>Whether the nodes of this process can serve. Red from the first moment of a shutdown.</summary>
public sealed class NodeReadiness
{
    /// <summary>A node that does not answer in this time is not ready.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly List<(string Name, Func<CancellationToken, Task<string?>> Ask)> _nodes = [];
    private volatile bool _draining;
    private volatile bool _started;

    /// <summary>True once every node was ready; stays so.</summary>
    public bool Started => _started;

    /// <summary>Before the hosts start.</summary>
    public void Add(string name, IServiceProvider services) =>
        Add(name, cancellationToken => services.GetRequiredService<IClusterView>().GetReadinessAsync(cancellationToken));

    /// <summary>Before the hosts start: a node and how to ask it, null meaning ready.</summary>
    public void Add(string name, Func<CancellationToken, Task<string?>> ask) => _nodes.Add((name, ask));

    public void MarkStarted() => _started = true;

    public void MarkDraining() => _draining = true;

    /// <summary>The process has been told to stop.</summary>
    public bool IsDraining => _draining;

    /// <summary>Null when all nodes of this process can serve; else why not.</summary>
    public async Task<string?> AskAsync(CancellationToken cancellationToken)
    {
        foreach (var (name, ask) in _nodes)
        {
            if (_draining)
                return "shutting down";
            if (await AskAsync(ask, cancellationToken) is { } reason)
                return _nodes.Count == 1 ? reason : $"{name}: {reason}";
        }

        return null;
    }

    private static async Task<string?> AskAsync(Func<CancellationToken, Task<string?>> ask, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            return await ask(patience.Token).WaitAsync(patience.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"no answer within {Patience.TotalSeconds} s";
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return exception.Message.ReplaceLineEndings(" ");
        }
    }
}
