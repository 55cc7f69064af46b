using System.Net.Sockets;
using GrainDb.Grains.Hosting;
using Microsoft.AspNetCore.Connections;

namespace GrainDb.Silo.Hosting;

/// <summary>Finds, in an exception of a start, the reason that an operator can act on.</summary>
public static class StartFailure
{
    /// <summary>The one line to print, or null when it is a bug that deserves its stack trace.</summary>
    public static string? Explain(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        foreach (var cause in Causes(exception))
        {
            switch (cause)
            {
                case StartRefusedException:
                case NodeStartException:
                case AddressInUseException:
                case SocketException:
                case IOException:
                case TimeoutException:
                case UnauthorizedAccessException:
                    return cause.Message.ReplaceLineEndings(" ");
            }
        }

        return null;
    }

    /// <summary>Outermost first, all branches.</summary>
    private static IEnumerable<Exception> Causes(Exception exception)
    {
        yield return exception;
        var inner = exception is AggregateException aggregate ? aggregate.InnerExceptions : [];
        foreach (var cause in exception is AggregateException ? inner : exception.InnerException is { } one ? [one] : [])
        {
            foreach (var deeper in Causes(cause))
                yield return deeper;
        }
    }
}
