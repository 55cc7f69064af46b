using System.Runtime.InteropServices;
using GrainDb.LoadTool.Commands;

// One thread waits for all sockets and runs what follows a response at once: no hand-over to the thread pool per request.
// Must be set before the first socket exists; a value from outside wins.
SetDefault("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
SetDefault("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");

using var interrupted = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

const int UsageError = 2;
const int Interrupted = 130;
try
{
    var code = args switch
    {
        ["run", .. var rest] => await RunCommand.RunAsync(rest, interrupted.Token),
        ["fill", .. var rest] => await FillCommand.RunAsync(rest, interrupted.Token),
        ["record", .. var rest] => await RecordCommand.RunAsync(rest, interrupted.Token),
        ["verify", .. var rest] => await VerifyCommand.RunAsync(rest, interrupted.Token),
        ["race", .. var rest] => await RaceCommand.RunAsync(rest, interrupted.Token),
        ["count", .. var rest] => await CountCommand.RunAsync(rest, interrupted.Token),
        ["orders", .. var rest] => await OrdersCommand.RunAsync(rest, interrupted.Token),
        ["import", .. var rest] => await ImportCommand.RunAsync(rest, interrupted.Token),
        _ => throw new UsageException("commands: run, fill, record, verify, race, count, orders, import; see test/LoadTool/README.md"),
    };
    return interrupted.IsCancellationRequested ? Interrupted : code;
}
catch (UsageException error)
{
    Console.Error.WriteLine($"loadtool: {error.Message}");
    return UsageError;
}
catch (InvalidDataException error)
{
    Console.Error.WriteLine($"loadtool: {error.Message}");
    return 1;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    return Interrupted;
}

void Interrupt(PosixSignalContext context)
{
    context.Cancel = true;
    interrupted.Cancel();
}

static void SetDefault(string name, string value)
{
    if (Environment.GetEnvironmentVariable(name) is null)
        Environment.SetEnvironmentVariable(name, value);
}
