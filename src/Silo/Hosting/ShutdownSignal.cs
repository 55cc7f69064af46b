using System.Runtime.InteropServices;

namespace GrainDb.Silo.Hosting;

/// <summary>SIGTERM and SIGINT as one token. A second signal ends the process at once, in the operating system's way.</summary>
public sealed class ShutdownSignal : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public ShutdownSignal()
    {
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal));
    }

    public CancellationToken Token => _requested.Token;

    /// <summary>Whether an operator asked; false when the process stops for a reason of its own.</summary>
    public bool ByOperator { get; private set; }

    /// <summary>The process shall stop for a reason of its own.</summary>
    public void Request() => _requested.Cancel();

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _requested.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = !_requested.IsCancellationRequested;
        ByOperator = true;
        _requested.Cancel();
    }
}
