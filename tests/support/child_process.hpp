#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace netkit::test {

/// A shell command that runs beside the test, in its namespace; killed with all its children at the end of scope.
class child_process {
public:
    explicit child_process(const std::string& command) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return;
        output_ = ends[0];
        process_ = ::fork();
        if (process_ == 0) {
            ::setpgid(0, 0);
            ::fcntl(ends[1], F_SETFL, 0);
            ::dup2(ends[1], STDOUT_FILENO);
            ::dup2(ends[1], STDERR_FILENO);
            ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
            ::_exit(127);
        }
        ::close(ends[1]);
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() {
        if (!exit_code_ && process_ > 0) {
            ::kill(-process_, SIGKILL);
            ::kill(process_, SIGKILL);
            ::waitpid(process_, nullptr, 0);
        }
        if (output_ >= 0) ::close(output_);
    }

    /// The exit code, once it has ended; 128 and more where a signal ended it.
    std::optional<int> exit_code() {
        read_output();
        int status = 0;
        if (!exit_code_ && process_ > 0 && ::waitpid(process_, &status, WNOHANG) == process_) {
            exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            read_output();
        }
        return exit_code_;
    }
    /// What it has written, errors included.
    const std::string& output() const { return text_; }

    /// Calls work() again and again until the command has ended, at most so long; work() should wait a little by itself.
    template <class Work>
    std::optional<int> wait(std::chrono::steady_clock::duration at_most, Work&& work) {
        const auto end = std::chrono::steady_clock::now() + at_most;
        while (!exit_code() && std::chrono::steady_clock::now() < end) work();
        return exit_code_;
    }

private:
    void read_output() {
        char bytes[4096];
        for (;;) {
            const auto n = ::read(output_, bytes, sizeof bytes);
            if (n <= 0) return;
            text_.append(bytes, static_cast<std::size_t>(n));
        }
    }

    int output_ = -1;
    pid_t process_ = -1;
    std::optional<int> exit_code_;
    std::string text_;
};

}  // namespace netkit::test
